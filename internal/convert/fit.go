package convert

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
)

const (
	// qualityFirst is that of what fits, and qualityNext of what else would be too large,
	// before fewer pixels have to do.
	qualityFirst = 92
	qualityNext  = 82
	// least is the longer edge below which nothing is scaled.
	least = 64
)

// fit encodes a picture in at most so many bytes, and returns what it measures then.
func fit(full *image.RGBA, most int64) (image.Rectangle, []byte, error) {
	if is := full.Bounds(); is.Dx() > edgeMost || is.Dy() > edgeMost { // more, JPEG cannot have
		full = scale(full, edgeMost/float64(max(is.Dx(), is.Dy())))
	}
	content, err := encode(full, qualityFirst)
	if err == nil && int64(len(content)) > most {
		content, err = encode(full, qualityNext)
	}
	small := full
	for factor := 1.0; err == nil && int64(len(content)) > most; {
		factor *= min(math.Sqrt(float64(most)/float64(len(content)))*0.97, 0.95)
		if float64(max(full.Bounds().Dx(), full.Bounds().Dy()))*factor < least {
			return small.Bounds(), nil, refuse("check the account's max_bytes", "it does not fit in %d bytes", most)
		}
		small = scale(full, factor)
		content, err = encode(small, qualityNext)
	}
	return small.Bounds(), content, err
}

// edgeMost is the longest edge of a JPEG.
const edgeMost = 65_500

func encode(full *image.RGBA, quality int) ([]byte, error) {
	var out bytes.Buffer
	err := jpeg.Encode(&out, full, &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}

// scale makes a picture smaller: each pixel is the mean of the area that it stands for, in
// whole numbers, so that all computers make the same of it.
func scale(full *image.RGBA, factor float64) *image.RGBA {
	b := full.Bounds()
	size := func(n int) int { return min(max(int(math.Round(float64(n)*factor)), 1), n) }
	small := image.NewRGBA(image.Rect(0, 0, size(b.Dx()), size(b.Dy())))
	across, down := shares(b.Dx(), small.Rect.Dx()), shares(b.Dy(), small.Rect.Dy())
	whole := uint64(b.Dx()) * uint64(b.Dy())
	sums := make([]uint64, 3*small.Rect.Dx())
	for y, rows := range down {
		clear(sums)
		for i, high := range rows.weights {
			row := full.Pix[(rows.first+i)*full.Stride:]
			for x, columns := range across {
				sum := sums[3*x : 3*x+3]
				for j, wide := range columns.weights {
					pixel := row[4*(columns.first+j):]
					weight := high * wide
					sum[0] += weight * uint64(pixel[0])
					sum[1] += weight * uint64(pixel[1])
					sum[2] += weight * uint64(pixel[2])
				}
			}
		}
		to := small.Pix[y*small.Stride:]
		for x := range across {
			for c := range 3 {
				to[4*x+c] = uint8((sums[3*x+c] + whole/2) / whole)
			}
			to[4*x+3] = 0xff
		}
	}
	return small
}

// share is which of the old pixels one of the new ones stands for, and how much of each.
type share struct {
	first   int
	weights []uint64
}

// shares divides old pixels among fewer new ones. A new one has as many parts as there are
// old ones, and an old one as there are new ones.
func shares(old, fewer int) []share {
	all := make([]share, fewer)
	for i := range all {
		from, to := i*old, (i+1)*old
		one := share{first: from / fewer}
		for at := one.first; at*fewer < to; at++ {
			one.weights = append(one.weights, uint64(min((at+1)*fewer, to)-max(at*fewer, from)))
		}
		all[i] = one
	}
	return all
}
