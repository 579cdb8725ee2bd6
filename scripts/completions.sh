#!/bin/sh
# completions.sh FOLDER: writes the completion scripts of all shells into a folder, under
# the names that shells look for.
set -eu
GO=${GO:-go}
mkdir -p "$1"
$GO run -trimpath ./starter/mediaferry completion bash >"$1/mediaferry.bash"
$GO run -trimpath ./starter/mediaferry completion zsh >"$1/_mediaferry"
$GO run -trimpath ./starter/mediaferry completion fish >"$1/mediaferry.fish"
