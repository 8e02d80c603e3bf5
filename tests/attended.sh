# Sourced. bash looks at a signal only after its foreground command has ended, so a long one is run by `attended`:
# SIGINT and SIGTERM are passed on to it as SIGTERM, its own end is waited for, and its exit code is answered.
attended() {
    local child code
    "$@" <&0 &
    child=$!
    trap 'kill -TERM "$child" 2> /dev/null || true' INT TERM
    while code=0; wait "$child" || code=$?; kill -0 "$child" 2> /dev/null; do :; done
    return "$code"
}
