#!/bin/sh
# Makes files/ from drawings/. Only a change of the drawings needs it: building
# and testing do not. Wants chromium, ffmpeg (with libx264 and libwebp) and
# exiftool.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p files

# render NAME WIDTH HEIGHT [SOURCE] draws one SVG; what it leaves out stays transparent.
render() {
	chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --default-background-color=00000000 \
		--window-size="$2,$3" --screenshot="$work/$1.png" "file://${4:-$PWD/drawings/$1.svg}" 2>/dev/null
}

# convert OUT IN [OPTION]... encodes without a trace of when and with what.
convert() {
	out=$1 in=$2
	shift 2
	ffmpeg -v error -y -i "$in" -map_metadata -1 -fflags +bitexact -flags:v +bitexact "$@" "files/$out"
}

render sneaker 1600 1200
render mug 900 900
render lamp 1000 1000
render bag 1200 1200
render bottle 300 330
render chair 900 900
render headphones 1200 1200
render plant 1000 1200
render backpack 1000 1200

convert sneaker.jpg "$work/sneaker.png" -frames:v 1 -update 1 -pix_fmt yuvj420p -q:v 2
convert headphones.jpg "$work/headphones.png" -frames:v 1 -update 1 -pix_fmt yuvj444p -q:v 2
convert bag.jpeg "$work/bag.png" -frames:v 1 -update 1 -c:v mjpeg -pix_fmt yuvj420p -q:v 3
convert mug.png "$work/mug.png" -frames:v 1 -update 1 -pix_fmt rgba -pred mixed
convert plant.png "$work/plant.png" -frames:v 1 -update 1 -vf scale=600:-1:flags=lanczos -pix_fmt rgb24 -pred mixed
convert lamp.webp "$work/lamp.png" -frames:v 1 -c:v libwebp -quality 90
convert backpack.webp "$work/backpack.png" -frames:v 1 -c:v libwebp -quality 92
convert bottle.bmp "$work/bottle.png" -frames:v 1 -update 1 -pix_fmt bgr24
convert chair.tif "$work/chair.png" -frames:v 1 -update 1 -pix_fmt rgb24 -compression_algo deflate
cp drawings/glasses.svg files/glasses.svg

# What a camera would have written; the orientation is "as it lies".
exiftool -q -overwrite_original -Make=Mediaferry -Model="Drawn by hand" -Orientation#=1 \
	-DateTimeOriginal="2026:11:21 10:00:00" -Artist="mediaferry" -Copyright="CC0 1.0" \
	-ImageDescription="Running shoe, orange" files/sneaker.jpg

# A second hand that goes round in twelve steps.
for step in 00 01 02 03 04 05 06 07 08 09 10 11; do
	sed "s/SECONDS/$((${step#0} * 30))/" drawings/watch.svg >"$work/watch.svg"
	render "watch$step" 420 420 "$work/watch.svg"
done
ffmpeg -v error -y -framerate 2 -i "$work/watch%02d.png" -map_metadata -1 -fflags +bitexact -flags:v +bitexact \
	-vf "split[a][b];[a]palettegen=max_colors=128[p];[b][p]paletteuse=dither=sierra2_4a" files/watch.gif

# Six seconds around the shoe, to the sound of two tones.
ffmpeg -v error -y -i "$work/sneaker.png" -f lavfi -i "sine=frequency=330:duration=6:sample_rate=44100" \
	-f lavfi -i "sine=frequency=495:duration=6:sample_rate=44100" -map_metadata -1 -fflags +bitexact \
	-filter_complex "[0:v]zoompan=z='1.05+0.35*on/150':x='(iw-iw/zoom)*on/150':y='ih/2-(ih/zoom/2)':d=150:s=640x480:fps=25,format=yuv420p[v];[1:a][2:a]amix=inputs=2,afade=t=out:st=5:d=1[a]" \
	-map "[v]" -map "[a]" -c:v libx264 -preset slow -crf 24 -flags:v +bitexact -c:a aac -b:a 64k -flags:a +bitexact \
	-movflags +faststart files/clip.mp4
