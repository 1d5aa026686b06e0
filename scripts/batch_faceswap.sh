#!/usr/bin/env bash
# The face of one picture into every picture and video of a folder, a run of the command for each.
#
# "facefusion faceswap SOURCE DIR -o OUT_DIR" does the same faster, for it loads the networks once. A loop is right where
# something else happens between two files, where options differ from file to file, or where runs are spread over
# machines.

here=$(dirname -- "${BASH_SOURCE[0]}")
# shellcheck source=scripts/_batch.sh
. "$here/_batch.sh"

usage() {
  cat <<'END'
Usage: batch_faceswap.sh SOURCE DIR OUT_DIR [OPTION...]

Puts the face in the picture SOURCE into every picture and video in DIR, one after another. Results go into OUT_DIR,
under the same names, and a line of JSON for each into OUT_DIR/results.jsonl. What is in OUT_DIR already is left as it
is, so that the same line goes on after an interruption. OPTIONs are passed to "facefusion faceswap".

Exit codes: 0 done; 1 something failed; 2, 4, 5, 130, 143: stopped, with the code of "facefusion faceswap". Pictures
without a face are told and left out.
END
}

check_arguments "$@"
source=$1 targets=${2%/}
[ -f "$source" ] || refuse "there is no file \"$source\"."
folder "$targets/"
results_go_to "$3" "$targets/"
shift 3

# A source without a face would look like a folder without faces.
facefusion faces --quiet -- "$source" >/dev/null || exit

for target in "$targets"/*; do
  [ -f "$target" ] || continue # a folder, or the pattern itself where there are no files
  name=${target##*/}
  case $(lower "${name##*.}") in
    jpg | jpeg | png | webp | tif | tiff | bmp | avif | mp4 | m4v | mov | mkv | webm | avi) result=$name ;;
    heic | heif) result=${name%.*}.jpg ;;
    gif) result=${name%.*}.png ;;
    mpg | mpeg | wmv | 3gp) result=${name%.*}.mp4 ;;
    *) continue ;;
  esac
  make "$result" "$target" facefusion faceswap --json "$@" -o "$out/" -- "$source" "$target"
  [ "$stopped" -eq 0 ] || break
done
account
