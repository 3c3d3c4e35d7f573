#!/bin/sh
# Make the clips of this folder again; needs ffmpeg built with libflite. The tests need the clips alone.
set -eu
cd "$(dirname "$0")"

say() { # FILE TEXT: speak a text into an Ogg voice message
    ffmpeg -v error -nostdin -y -f lavfi -i "flite=text='$2':voice=slt" \
        -ar 48000 -ac 1 -c:a libopus -b:a 32k -map_metadata -1 -fflags +bitexact "$1"
}
convert() { # FILE OPTIONS: the line of well_played.ogg in another format
    file=$1
    shift
    ffmpeg -v error -nostdin -y -i well_played.ogg "$@" -map_metadata -1 -fflags +bitexact "$file"
}

say well_played.ogg "Good game everyone, well played."
say push_left.ogg "Enemy at the north gate, push the left lane now."
say worthless.ogg "You are a worthless idiot, uninstall the game."
convert well_played.wav -ar 16000 -c:a pcm_s16le
convert well_played.flac -ar 16000 -sample_fmt s16 -c:a flac
convert well_played.mp3 -ar 24000 -c:a libmp3lame -b:a 32k
convert well_played.m4a -c:a aac -b:a 32k
convert well_played.webm -c:a libopus -b:a 32k
convert well_played.mp4 -f lavfi -i "color=black:s=64x64:r=5" -shortest -c:a aac -b:a 32k -c:v libx264 -pix_fmt yuv420p
ffmpeg -v error -nostdin -y -f lavfi -i "color=black:s=64x64:r=5" -t 1 -c:v libx264 -pix_fmt yuv420p -fflags +bitexact no_sound.mp4
