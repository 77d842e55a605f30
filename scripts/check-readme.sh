#!/usr/bin/env bash
# Runs the commands of README.md in a fresh clone on a bare machine: Node and npm, without Vulkan,
# Chromium and MNIST. `npm start` runs without a network too.
#
# As root on Linux, the script runs itself in private namespaces, where it deletes Vulkan and Chromium
# from an overlay of /usr; the machine keeps them. Where namespaces are not permitted, environment
# variables hide both, and `npm start` may use the network.
set -euo pipefail
cd "$(dirname "$0")/.."

# Time limits in seconds: of a command, and of the whole test suite, which takes minutes.
COMMAND_LIMIT=300
TEST_LIMIT=1500

# Deletes Vulkan and Chromium from an overlay of /usr, which only this mount namespace sees.
hide() {
  local layers=$BARE_FOLDER/layers
  mkdir -p "$layers"
  mount -t tmpfs none "$layers"
  mkdir "$layers/upper" "$layers/work"
  mount -t overlay none -o "lowerdir=/usr,upperdir=$layers/upper,workdir=$layers/work" /usr
  rm -rf /usr/bin/chromium /usr/lib/chromium /usr/lib/*/libvulkan.so*
}

if [[ -z "${BARE_FOLDER:-}" ]]; then
  BARE_FOLDER=$(mktemp -d)
  export BARE_FOLDER
  trap 'rm -rf "$BARE_FOLDER"' EXIT
  unset HANDGRAD_MNIST HANDGRAD_REQUIRE_BROWSER HANDGRAD_REQUIRE_WEBGPU VK_ICD_FILENAMES CHROMIUM
  export XDG_CACHE_HOME=$BARE_FOLDER/cache
  export -f hide
  if unshare --mount --net bash -e -c hide 2>"$BARE_FOLDER/refusal"; then
    BARE_BY=namespace unshare --mount "$0"
  else
    echo "check-readme: environment variables hide Vulkan and Chromium: $(<"$BARE_FOLDER/refusal")"
    export CHROMIUM=/nonexistent VK_ICD_FILENAMES=/nonexistent VK_DRIVER_FILES=/nonexistent
    BARE_BY=environment "$0"
  fi
  exit
fi

offline=()
if [[ "$BARE_BY" == namespace ]]; then
  hide
  offline=(unshare --net)
fi

clone=$BARE_FOLDER/handgrad
git clone --quiet --depth 1 "file://$PWD" "$clone"
cd "$clone"

fail() {
  echo "check-readme: $*" >&2
  exit 1
}

# Starts the example's server, and requests the page and the package from it.
check_server() {
  local address=$BARE_FOLDER/address server
  "$@" 0 >"$address" &
  server=$!
  for _ in {1..100}; do
    [[ -s $address ]] && break
    sleep 0.1
  done
  node -e '
    for (const path of ["", "main.js", "dist/index.js"]) {
      const { status } = await fetch(process.argv[1] + path);
      if (status !== 200) throw new Error(`expected /${path} to have status 200, got ${status}`);
    }
  ' --input-type=module "$(<"$address")"
  kill "$server"
}

# A benchmark of a GPU must fail with one line that names the reason.
check_no_gpu() {
  local errors=$BARE_FOLDER/errors
  if timeout "$COMMAND_LIMIT" "$@" 2>"$errors"; then fail "expected $* to fail without a GPU"; fi
  grep -q '^handgrad: webgpu: expected ' "$errors" || fail "expected a reason, got: $(<"$errors")"
}

run() {
  echo "▶ $*"
  case "$*" in
    # Benchmarks of peers take longer than all other commands. The other suites run this script.
    *bench:peers* | *bench:gpu* | *build:bench-gpu* | *test:* | *.ci/run*) echo "  not run here" ;;
    *" bench "*webgpu*) check_no_gpu "$@" ;;
    "node examples/browser/serve.mjs") check_server "$@" ;;
    "npm start") timeout "$COMMAND_LIMIT" "${offline[@]}" "$@" ;;
    "npm test") timeout "$TEST_LIMIT" "$@" ;;
    *) timeout "$COMMAND_LIMIT" "$@" ;;
  esac
}

# The commands of all ```sh blocks, without comments and repetitions.
mapfile -t commands < <(
  awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md |
    sed -E ':join; /\\$/ { N; s/\\\n */ /; b join }; s/[[:space:]]+#.*$//; s/ && /\n/g' | grep -v '^\s*$' | awk '!seen[$0]++'
)
for expected in "npm ci" "npm start" "npm test"; do
  printf '%s\n' "${commands[@]}" | grep -qx "$expected" || fail "expected README.md to show $expected"
done
for command in "${commands[@]}"; do
  read -ra words <<<"$command"
  run "${words[@]}"
done

# The commands that README.md shows within sentences.
run npx tsx examples/node/mlp-by-hand.ts
run npm run bench -- matmul --sizes 64x784x30 --threads 1,2 --repeat 1

# The package, installed in another folder as README.md says.
run npm pack --silent --pack-destination "$BARE_FOLDER"
mkdir "$BARE_FOLDER/elsewhere"
cd "$BARE_FOLDER/elsewhere"
run npm install --no-audit --no-fund "$BARE_FOLDER"/handgrad-*.tgz
run npx handgrad info
run npx handgrad train softmax --data synthetic --epochs 1 --out run
run npx handgrad evaluate run/weights.safetensors
run npx handgrad baseline --data synthetic --metric l1
run npx handgrad gradcheck relu
run npx handgrad explain mlp

echo "All commands of README.md work on a bare machine."
