"""Unity Catalog SQL of what contracts say of who reads what."""
