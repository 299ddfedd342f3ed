#!/bin/sh
# Runs the vendor's SDKs against gateways that it starts, and counts the results of their checks.
#
#   tests/clients/run.sh [PATH-TO-RAMGATE]
#
# Needs python3, node, npm and the package registries. Everything is installed into a temporary folder, and everything
# is stopped and removed at the end. A client that did not run is a failure, never a skip.
#
# To add a case, add a line to `clients`, and a file of that name beside this one. The case gets the gateway's address
# in GATEWAY_URL, the gateway's folder in GATEWAY_FOLDER, and its own name in CASE. `checks` and `v3` (.py, .js) contain
# the code that cases share. To add a gateway, prepare a folder and call `begin`.
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

# The client; the gateway that it calls; the number of checks that a complete run prints; and the environment variable
# for the trusted CA, or `-` if the client sets the CA in code or needs none.
clients='python_v3 demo 4 -
python_v1 demo 4 -
node_v1 demo 8 -
node_v3 demo 4 -
run_v3 - 2 -
python_v3 secured 4 SSL_CERT_FILE
python_v1 secured 4 ALIBABA_CLOUD_CA_BUNDLE
node_v1 secured 8 NODE_EXTRA_CA_CERTS
node_v3 secured 4 NODE_EXTRA_CA_CERTS
python_bearer secured 11 -
node_bearer secured 11 -
python_sts secured 13 SSL_CERT_FILE
node_sts secured 11 NODE_EXTRA_CA_CERTS
python_v3 proxy 4 -
python_v1 proxy 4 -
node_v1 passthrough 8 -
node_v3 passthrough 4 -'
# The host that the clients of a proxy call.
ecs=ecs.cn-hangzhou.aliyuncs.com

if [ ! -x "$program" ]; then
    echo "no program at $program: run cargo build --release, or name one" >&2
    exit 1
fi
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")

# Settings of the environment must not apply to these gateways.
unset SSL_CERT_FILE SSL_CERT_DIR ALIBABA_CLOUD_CA_BUNDLE NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED || true

echo "installing the SDKs" >&2
cd "$work"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check alibabacloud-ecs20140526==7.11.8 \
    alibabacloud-credentials==1.0.12 aliyun-python-sdk-ecs==4.24.83 aliyun-python-sdk-core==2.16.1 \
    'cryptography>=42' >&2
mkdir node
cp "$here"/*.js node
(cd node && npm install --silent --no-audit --no-fund --no-save \
    @alicloud/pop-core@1.8.0 @alicloud/ecs20140526@7.11.6 @alicloud/credentials@2.4.7 >&2)

# begin FOLDER ARGUMENTS...: starts a gateway in a folder of $work. Its output is in `printed` and `log` there.
begin() {
    folder=$work/$1
    shift
    mkdir -p "$folder"
    (cd "$folder" && exec "$program" serve "$@" >printed 2>log) &
    server=$!
    servers="$servers $server"
    waited=0
    until grep -q '^attempts are written' "$folder/printed" 2>/dev/null; do
        waited=$((waited + 1))
        if [ "$waited" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
            echo "the gateway in $folder did not start:" >&2
            cat "$folder/log" >&2
            exit 1
        fi
        sleep 0.1
    done
    sed -n 's|^listening on \(https*://[^ ]*\).*|\1|p' "$folder/printed" >"$folder/url"
}

begin demo --listen 127.0.0.1:0
mkdir secured
python/bin/python "$here/secured.py" "$work/secured" "$(cd "$here/../../policies" && pwd)"
(cd secured && "$program" key issuer --out issuer.key >/dev/null)
begin secured --config ramgate.toml

# A gateway in pass-through mode, called at its own address, or as the HTTP proxy of a client that calls ECS.
mkdir passthrough
cp -R "$here/../../policies" passthrough/policies
cp "$here/../../demo/keyring.toml" passthrough/keyring.toml
chmod 600 passthrough/keyring.toml
printf 'listen = "127.0.0.1:0"\nhosts = ["%s", "127.0.0.1"]\n[upstream]\nurl = "simulator"\nsigning = "passthrough"\n' \
    "$ecs" >passthrough/ramgate.toml
begin passthrough --config ramgate.toml

passed=0
failed=0
while read -r client gateway expected trust; do
    case $client in
    python_*) set -- python/bin/python "$here/$client.py" ;;
    node_*) set -- node "node/$client.js" ;;
    run_*) set -- "$program" run -- python/bin/python "$here/$client.py" ;;
    *) set -- false ;;
    esac
    if [ "$gateway" = - ]; then
        name=$client
    elif [ "$gateway" = proxy ]; then
        name=$client@proxy
        proxy=$(cat passthrough/url)
        set -- GATEWAY_URL="http://$ecs" http_proxy="$proxy" HTTP_PROXY="$proxy" "$@"
    else
        name=$client@$gateway
        set -- GATEWAY_URL="$(cat "$gateway/url")" GATEWAY_FOLDER="$work/$gateway" "$@"
    fi
    set -- CASE="$name" "$@"
    if [ "$trust" != - ]; then
        set -- "$trust=$work/$gateway/ca.pem" "$@"
    fi
    timeout 120 env "$@" >"$name.out" 2>"$name.err" </dev/null || true
    cat "$name.out"
    good=$(grep -c '^ok ' "$name.out" || true)
    bad=$(grep -c '^not ok ' "$name.out" || true)
    if [ $((good + bad)) -ne "$expected" ]; then
        echo "not ok $name: $((good + bad)) checks of $expected ran"
        cat "$name.err" >&2
        bad=$((bad + 1))
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
done <<END
$clients
END

if [ "$failed" -gt 0 ]; then
    for log in */log; do
        echo "$log:" >&2
        cat "$log" >&2
    done
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
