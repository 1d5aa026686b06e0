# What batch_faceswap.sh and batch_lipsync.sh share: one run of the command for each file, what becomes of its exit
# code, and the account at the end. Sourced, with bash 3.2 (macOS) or newer.
# shellcheck shell=bash

set -u

made=0 before=0 faceless=0 failed=0
stopped=0  # the exit code that ends the loop
taken=/    # names of results so far, between slashes, which no name holds
out='' record=''

# Ctrl-C reaches the running command too, which ends in order; a signal to the script alone counts when it is done.
trap 'stopped=130' INT
trap 'stopped=143' TERM

complain() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
}

refuse() {
  complain "$*"
  exit 2
}

# check_arguments ARGUMENT...: show the usage if it is asked for; there must be three arguments at least
check_arguments() {
  case ${1-} in
    -h | --help)
      usage
      exit 0
      ;;
  esac
  if [ $# -lt 3 ]; then
    usage >&2
    exit 2
  fi
}

# folder NAME: refuse what is none
folder() {
  [ -d "$1" ] || refuse "there is no folder \"$1\"."
}

# results_go_to FOLDER, which must be none of those after it
results_go_to() {
  out=${1%/}
  command -v facefusion >/dev/null || refuse 'the command "facefusion" is not there: pip install facefusion-cli'
  mkdir -p -- "$out/" || exit 1
  shift
  for input in "$@"; do
    [ "$out/" -ef "$input" ] && refuse "the results cannot go where the inputs are, in \"$input\"."
  done
  record=$out/results.jsonl
}

# lower TEXT: in small letters
lower() {
  printf '%s' "$1" | tr '[:upper:]' '[:lower:]'
}

# make RESULT FILE COMMAND...: run the command, which makes RESULT in $out from FILE, unless RESULT is there
make() {
  local result=$1 file=$2 code
  shift 2
  case $taken in
    *"/$result/"*)
      complain "$file: another file has become \"$result\" already; rename one of them."
      failed=$((failed + 1))
      return
      ;;
  esac
  taken=$taken$result/
  if [ -e "$out/$result" ]; then
    before=$((before + 1))
    return
  fi
  "$@" >>"$record"
  code=$?
  case $code in
    0) made=$((made + 1)) ;;
    3)
      complain "$file: no usable face, left out."
      faceless=$((faceless + 1))
      ;;
    # Wrong usage, no weights, no device, interrupted, not to be run at all: the next file would fare no better.
    2 | 4 | 5 | 126 | 127 | 130 | 143) [ "$stopped" -ne 0 ] || stopped=$code ;;
    *) failed=$((failed + 1)) ;;
  esac
}

# account: say how it went, and end
account() {
  printf '%d made, %d there before, %d without a usable face, %d failed' "$made" "$before" "$faceless" "$failed"
  [ "$stopped" -eq 0 ] || printf '; stopped (exit code %d)' "$stopped"
  printf '. Records: %s\n' "$record"
  [ "$stopped" -eq 0 ] || exit "$stopped"
  [ "$failed" -eq 0 ]
  exit
}
