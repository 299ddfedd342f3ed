#!/bin/sh
# Drives the vendor's own SDKs against the demo gateway, and against one that passes their calls on as they are signed,
# and counts what they saw.
#
#   tests/clients/run.sh [PATH-TO-RAMGATE]
#
# Needs python3, node, npm and the package registries. Everything is installed into a temporary folder, and everything
# is stopped and removed at the end. A client that did not run is a failure, never a skip.
set -eu
export PYTHONDONTWRITEBYTECODE=1

here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../../target/release/ramgate}
work=$(mktemp -d)
servers=
stop() {
    for server in $servers; do
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

# The clients, how many checks each prints when it runs to its end, and its gateway: the demo's, one that passes calls on
# under its own address, or the same as the proxy of a client that means to call ECS.
clients='python_v3 4 resign
python_v1 4 resign
node_v1 8 resign
node_v3 4 resign
run_v3 2 resign
python_v3 4 proxy
python_v1 4 proxy
node_v1 8 passthrough
node_v3 4 passthrough'
ecs=ecs.cn-hangzhou.aliyuncs.com

if [ ! -x "$program" ]; then
    echo "no program at $program: run cargo build --release, or name one" >&2
    exit 1
fi
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")

echo "installing the SDKs" >&2
cd "$work"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check alibabacloud-ecs20140526==7.11.8 \
    aliyun-python-sdk-ecs==4.24.83 aliyun-python-sdk-core==2.16.1 >&2
mkdir node
cp "$here"/node_v1.js "$here"/node_v3.js "$here"/checks.js node
(cd node && npm install --silent --no-audit --no-fund --no-save @alicloud/pop-core@1.8.0 @alicloud/ecs20140526@7.11.6 >&2)

# Starts a gateway in a folder, and leaves its address in `endpoint`.
serve() {
    folder=$1
    shift
    (cd "$folder" && exec "$program" serve "$@" --listen 127.0.0.1:0 >printed 2>log) &
    servers="$servers $!"
    waited=0
    until grep -q '^every attempt is written to' "$folder/printed" 2>/dev/null; do
        waited=$((waited + 1))
        if [ "$waited" -gt 100 ] || ! kill -0 $! 2>/dev/null; then
            echo "the gateway did not start:" >&2
            cat "$folder/log" >&2
            exit 1
        fi
        sleep 0.1
    done
    endpoint=$(sed -n 's|^listening on http://\([^ ]*\).*|\1|p' "$folder/printed")
}

mkdir resign passthrough
serve resign
resign=$endpoint
cp -R "$here/../../policies" passthrough/policies
cp "$here/../../demo/keyring.toml" passthrough/keyring.toml
chmod 600 passthrough/keyring.toml
printf 'hosts = ["%s", "127.0.0.1"]\n[upstream]\nurl = "simulator"\nsigning = "passthrough"\n' "$ecs" \
    >passthrough/ramgate.toml
serve passthrough --config ramgate.toml
passthrough=$endpoint

passed=0
failed=0
while read -r client expected gateway; do
    case $client in
    python_*) set -- python/bin/python "$here/$client.py" ;;
    node_*) set -- node "node/$client.js" ;;
    run_*) set -- "$program" run -- python/bin/python "$here/$client.py" ;;
    esac
    case $gateway in
    resign) set -- "$@" "$resign" ;;
    passthrough) set -- "$@" "$passthrough" ;;
    proxy) set -- env http_proxy="http://$passthrough" HTTP_PROXY="http://$passthrough" "$@" "$ecs" ;;
    esac
    timeout 120 "$@" >"$client.out" 2>"$client.err" </dev/null || true
    sed "s/$/ ($gateway)/" "$client.out"
    good=$(grep -c '^ok ' "$client.out" || true)
    bad=$(grep -c '^not ok ' "$client.out" || true)
    if [ $((good + bad)) -ne "$expected" ]; then
        echo "not ok $client ($gateway): $((good + bad)) checks of $expected ran"
        cat "$client.err" >&2
        bad=$((bad + 1))
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
done <<END
$clients
END

if [ "$failed" -gt 0 ]; then
    echo "the gateways' logs:" >&2
    cat resign/log passthrough/log >&2
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
