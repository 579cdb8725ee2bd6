package convert

import (
	"bytes"
	"fmt"
	"image"
	"math"

	"github.com/kovidgoyal/imaging/prism/meta/icc"
)

// colours are what the samples of a picture mean.
type colours struct {
	full image.Image
	// toSRGB makes sRGB of them, from 0 to 1; nil: they are sRGB, or as good as that.
	toSRGB func(r, g, b float64) (float64, float64, float64)
	// inksToSRGB does so for pictures of four inks; nil: by estimate.
	inksToSRGB func(out, in []float64)
	cube       cube // of toSRGB; nil: it is not worth it
	at         func(x, y int) (r, g, b, a uint32)
}

// prepare makes ready for so many pixels.
func (c *colours) prepare(pixels int) {
	c.at = samples(c.full)
	if c.toSRGB != nil && pixels >= cubeWorth {
		c.cube = newCube(c.toSRGB)
	}
}

// coloursOf finds out what the colours of a picture mean. The note says what a person
// should know of them.
func coloursOf(full image.Image, about about) (_ colours, note string) {
	c := colours{full: full}
	_, inks := full.(*image.CMYK)
	switch matrix, known := fromPrimaries[about.primaries]; {
	case len(about.profile) > 0:
		return c, c.apply(about.profile, inks)
	case inks:
		return c, "it has inks (CMYK) and no colour profile, so its colours are estimates"
	case known:
		c.toSRGB = matrix.transform
	}
	return c, ""
}

// apply finds out what a profile makes of the samples.
func (c *colours) apply(content []byte, inks bool) (note string) {
	profile, err := icc.NewProfileReader(bytes.NewReader(content)).ReadProfile()
	if err != nil {
		return fmt.Sprintf("its colour profile was ignored, because it cannot be read: %v", err)
	}
	channels := map[icc.ColorSpace]int{icc.ColorSpaceGray: 1, icc.ColorSpaceRGB: 3, icc.ColorSpaceCMYK: 4}[profile.Header.DataColorSpace]
	switch {
	case channels == 0 || inks != (channels == 4):
		return "its colour profile was ignored, because it is for other colours than the picture has"
	case channels == 3 && profile.IsSRGB():
		return ""
	}
	// Colours outside of sRGB are cut off, as most programs do.
	pipe, err := profile.CreateTransformerToSRGB(icc.RelativeColorimetricRenderingIntent, true, channels, true, false, true)
	switch {
	case err != nil:
		return fmt.Sprintf("its colour profile was ignored, because it cannot be applied: %v", err)
	case inks:
		c.inksToSRGB = pipe.TransformGeneral
	default:
		c.toSRGB = pipe.Transform
	}
	return ""
}

// matrix makes linear sRGB of linear samples with other primaries.
type matrix [3][3]float64

// fromPrimaries are by the primaries' number in ITU-T H.273. Their white is that of sRGB.
var fromPrimaries = map[int]matrix{
	9: { // BT.2020
		{1.6604910021, -0.5876411388, -0.0728498633},
		{-0.1245504745, 1.1328998971, -0.0083494226},
		{-0.0181507634, -0.1005788980, 1.1187296614},
	},
	12: { // Display P3
		{1.2249401763, -0.2249401763, 0},
		{-0.0420569547, 1.0420569547, 0},
		{-0.0196375546, -0.0786360456, 1.0982736001},
	},
}

func (m matrix) transform(r, g, b float64) (float64, float64, float64) {
	r, g, b = linear(r), linear(g), linear(b)
	row := func(of [3]float64) float64 { return curved(of[0]*r + of[1]*g + of[2]*b) }
	return row(m[0]), row(m[1]), row(m[2])
}

func linear(sample float64) float64 {
	if sample <= 0.04045 {
		return sample / 12.92
	}
	return math.Pow((sample+0.055)/1.055, 2.4)
}

func curved(light float64) float64 {
	if light <= 0.0031308 {
		return light * 12.92
	}
	return 1.055*math.Pow(light, 1/2.4) - 0.055
}
