#!/usr/bin/env bash
# Every video or picture of a folder speaks the sound of the same name, a run of the command for each.
#
# "facefusion lipsync VIDEO_DIR AUDIO_DIR -o OUT_DIR" does the same faster, for it loads the networks once. A loop is
# right where something else happens between two files (a voice is made, a result sent off), where options differ from
# file to file, or where runs are spread over machines.

here=$(dirname -- "${BASH_SOURCE[0]}")
# shellcheck source=scripts/_batch.sh
. "$here/_batch.sh"

usage() {
  cat <<'END'
Usage: batch_lipsync.sh VIDEO_DIR AUDIO_DIR OUT_DIR [OPTION...]

Makes every video and picture in VIDEO_DIR speak the sound in AUDIO_DIR that has the same name but for the suffix, one
after another: a.mp4 speaks a.wav. Results go into OUT_DIR, and a line of JSON for each into OUT_DIR/results.jsonl. What
is in OUT_DIR already is left as it is, so that the same line goes on after an interruption. OPTIONs are passed to
"facefusion lipsync".

Exit codes: 0 done; 1 something failed, or has no sound; 2, 4, 5, 130, 143: stopped, with the code of "facefusion
lipsync". Videos without a face are told and left out.
END
}

check_arguments "$@"
videos=${1%/} sounds=${2%/}
folder "$videos/"
folder "$sounds/"
results_go_to "$3" "$videos/" "$sounds/"
shift 3

# find_sound STEM: the sound of that name into $sound, and into $found how many there are
find_sound() {
  local candidate
  found=0
  for candidate in "$sounds/$1".*; do
    [ "${candidate%.*}" = "$sounds/$1" ] && [ -f "$candidate" ] || continue
    case $(lower "${candidate##*.}") in
      wav | mp3 | flac | ogg | opus | m4a | aac | aif | aiff | wma) ;;
      *) continue ;;
    esac
    sound=$candidate
    found=$((found + 1))
  done
}

for video in "$videos"/*; do
  [ -f "$video" ] || continue # a folder, or the pattern itself where there are no files
  name=${video##*/}
  case $(lower "${name##*.}") in
    mp4 | m4v | mov | mkv | webm | avi) result=$name ;;
    mpg | mpeg | wmv | 3gp) result=${name%.*}.mp4 ;;
    jpg | jpeg | png | webp | tif | tiff | bmp | avif | heic | heif) result=${name%.*}.mp4 ;;
    *) continue ;;
  esac
  find_sound "${name%.*}"
  if [ "$found" -ne 1 ]; then
    complain "$video: $found sounds are named like it in \"$sounds\", not one."
    failed=$((failed + 1))
    continue
  fi
  make "$result" "$video" facefusion lipsync --json "$@" -o "$out/" -- "$video" "$sound"
  [ "$stopped" -eq 0 ] || break
done
account
