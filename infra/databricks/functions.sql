-- What the policies of infra/terraform/modules/governance call. Run once for a catalog, in its schema `operations`, before
-- tables are governed: USE CATALOG lakehouse_prod; USE SCHEMA operations;
-- A mask must have the type that it hides, so there is one for each.

CREATE OR REPLACE FUNCTION mask_text(hidden STRING) RETURNS STRING
  COMMENT 'Hides that a text is there and what it says; a missing one stays missing.'
  RETURN CASE WHEN hidden IS NOT NULL THEN '***' END;

CREATE OR REPLACE FUNCTION mask_number(hidden DECIMAL(38, 10)) RETURNS DECIMAL(38, 10)
  COMMENT 'Hides a number.'
  RETURN CAST(NULL AS DECIMAL(38, 10));

CREATE OR REPLACE FUNCTION mask_date(hidden DATE) RETURNS DATE
  COMMENT 'Hides a date.'
  RETURN CAST(NULL AS DATE);

CREATE OR REPLACE FUNCTION mask_time(hidden TIMESTAMP) RETURNS TIMESTAMP
  COMMENT 'Hides a moment.'
  RETURN CAST(NULL AS TIMESTAMP);

CREATE OR REPLACE FUNCTION mask_flag(hidden BOOLEAN) RETURNS BOOLEAN
  COMMENT 'Hides a yes or no.'
  RETURN CAST(NULL AS BOOLEAN);

CREATE OR REPLACE FUNCTION is_listed(owner STRING, listed STRING) RETURNS BOOLEAN
  COMMENT 'Keeps a row whose owner is in a list, given as a JSON array of texts; a row without an owner is nobody''s.'
  RETURN coalesce(array_contains(from_json(listed, 'ARRAY<STRING>'), owner), FALSE);
