# What checks infra/ and .github/: the schemas of Terraform's providers and of GitHub's workflows, Databricks' model of its
# bundles, a parser of its SQL, and OpenTofu with stub providers of those schemas. Sourced by install.sh; only those who want
# it fetch it (SETUP_INFRA, SETUP_TOFU: "wanted").
#
# Packages come pinned by local/setup/infra.txt, and sources by the go.sum files of local/terraform. They are for checking
# alone: nothing of them is imported by the project, goes into an image, or is passed on.

SETUP_INFRA_PACKAGES="$LAKEHOUSE_REPOSITORY/local/setup/infra.txt"
SETUP_STUB="$LAKEHOUSE_REPOSITORY/local/terraform/stub_provider"
SETUP_TOFU_SOURCE="$LAKEHOUSE_REPOSITORY/local/terraform/tofu"

# What the caches are named by: other sources make other programs.
digest_of() {
    local sum
    sum="$(cat "$@" | sha256sum)"
    printf '%s' "${sum:0:12}"
}

if [ "${SETUP_INFRA:-}" = wanted ]; then
    # Holds schemas.json, github-workflows.json and the folders bundles and sqlfluff.
    LAKEHOUSE_INFRA="${LAKEHOUSE_INFRA:-$LAKEHOUSE_CACHE/infra-$(digest_of "$SETUP_INFRA_PACKAGES" "$LAKEHOUSE_REPOSITORY/local/terraform/provider_schemas.py")}"
    export LAKEHOUSE_INFRA
fi
if [ "${SETUP_TOFU:-}" = wanted ]; then
    # Holds the programs tofu and stub_provider.
    LAKEHOUSE_TOFU="${LAKEHOUSE_TOFU:-$LAKEHOUSE_CACHE/tofu-$(digest_of "$SETUP_STUB"/* "$SETUP_TOFU_SOURCE"/*)}"
    export LAKEHOUSE_TOFU
fi

# The folders appear whole or not at all.
infra_is_ready() { [ "${SETUP_INFRA:-}" != wanted ] || [ -d "$LAKEHOUSE_INFRA" ]; }
tofu_is_ready() { [ "${SETUP_TOFU:-}" != wanted ] || [ -d "$LAKEHOUSE_TOFU" ]; }

install_infra() {
    ! infra_is_ready || return 0
    local work log="$LAKEHOUSE_CACHE/infra.log"
    setup_say "fetching what checks infra/: providers' and workflows' schemas, Databricks' model and dialect (66 MB; log: $log)"
    work="$(mktemp -d "$LAKEHOUSE_CACHE/partial.XXXXXX")"
    fetch_packages "$log" "what checks infra/" "$SETUP_INFRA_PACKAGES" "$work/packages"
    mkdir "$work/made"
    (cd "$LAKEHOUSE_REPOSITORY" && run_logged "$log" "$SETUP_VENV/bin/python" -m local.terraform.provider_schemas \
        "$work/packages" "$work/made/schemas.json")
    mkdir "$work/made/bundles"
    mv "$work/packages/databricks" "$work/made/bundles/databricks"
    mv "$work/packages/check_jsonschema/builtin_schemas/vendor/github-workflows.json" "$work/made/"
    mkdir "$work/made/sqlfluff"
    mv "$work/packages"/{sqlfluff,diff_cover,tblib,chardet,tqdm,colorama}{,-*.dist-info} "$work/made/sqlfluff/"
    mv "$work/made" "$LAKEHOUSE_INFRA"
    rm -rf "$work"
}

install_tofu() {
    ! tofu_is_ready || return 0
    local work log="$LAKEHOUSE_CACHE/tofu.log"
    command -v go >/dev/null || setup_fail "the stage terraform builds OpenTofu and needs Go: install it" \
        "(see $SETUP_TOFU_SOURCE/go.mod for its version) and put it on PATH"
    setup_say "building OpenTofu; this takes some minutes, 3 GB of memory and 3 GB in Go's caches (log: $log)"
    work="$(mktemp -d "$LAKEHOUSE_CACHE/partial.XXXXXX")"
    (cd "$SETUP_TOFU_SOURCE" && run_logged "$log" env GOTOOLCHAIN=local go build -trimpath -o "$work/tofu" \
        github.com/opentofu/opentofu/cmd/tofu)
    (cd "$SETUP_STUB" && run_logged "$log" env GOTOOLCHAIN=local go build -trimpath -o "$work/stub_provider" .)
    chmod 755 "$work"
    mv "$work" "$LAKEHOUSE_TOFU"
}
