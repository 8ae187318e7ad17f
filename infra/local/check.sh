#!/bin/sh
# Checks the template and the scripts here. Needs no network and no account.
#   check.sh [directory of the programs of requirements-lint.txt]
set -eu
bin=${1:+$(cd "$1" && pwd)/}
cd "$(dirname "$0")/.."

"${bin}cfn-lint" template.yaml
SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-eu-central-1} \
    "${bin}sam" validate --lint --template template.yaml
# CloudFormation knows no YAML aliases, whatever the linters say.
if grep -nE '(^|[-:] )[&*][A-Za-z]' template.yaml; then
    echo 'template.yaml: CloudFormation knows no anchors and aliases' >&2
    exit 1
fi
for script in local/*.py; do
    "${bin}python3" -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$script"
done
