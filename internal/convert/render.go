package convert

import (
	"image"
	"image/color"
	"runtime"
	"sync"
)

// render draws a picture upright, in sRGB, upon white. The note says what a person should
// know of its colours.
func render(full image.Image, about about) (_ *image.RGBA, note string) {
	b := full.Bounds()
	to := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	if about.turned() {
		to = image.NewRGBA(image.Rect(0, 0, b.Dy(), b.Dx()))
	}
	colours, note := coloursOf(full, about)
	colours.prepare(b.Dx() * b.Dy())
	each(b.Dy(), func(y int) {
		see := colours.reader()
		for x := range b.Dx() {
			atX, atY := about.place(x, y, b.Dx(), b.Dy())
			r, g, b := see(x+b.Min.X, y+b.Min.Y)
			pixel := to.Pix[atY*to.Stride+4*atX:]
			pixel[0], pixel[1], pixel[2], pixel[3] = r, g, b, 0xff
		}
	})
	return to, note
}

// each does the rows of a picture, several at once.
func each(rows int, do func(y int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for y := range next {
				do(y)
			}
		})
	}
	for y := range rows {
		next <- y
	}
	close(next)
	all.Wait()
}

// reader returns what reads the pixels of a row. Neighbours often have the same colour, so
// that it remembers the last one.
func (c colours) reader() func(x, y int) (r, g, b uint8) {
	if full, inks := c.full.(*image.CMYK); inks && c.inksToSRGB != nil {
		return c.inkReader(full)
	}
	at := c.at
	if c.toSRGB == nil {
		return func(x, y int) (uint8, uint8, uint8) {
			r, g, b, a := at(x, y)
			return onWhite(r, a), onWhite(g, a), onWhite(b, a)
		}
	}
	var last [4]uint32
	var is [3]uint8
	known := false
	return func(x, y int) (uint8, uint8, uint8) {
		r, g, b, a := at(x, y)
		if now := [4]uint32{r, g, b, a}; !known || now != last {
			last, known = now, true
			r, g, b = c.convert(r, g, b)
			is = [3]uint8{onWhite(r, a), onWhite(g, a), onWhite(b, a)}
		}
		return is[0], is[1], is[2]
	}
}

// samples is what reads a pixel with 16 bits for each sample, which its alpha has not
// changed.
func samples(of image.Image) func(x, y int) (r, g, b, a uint32) {
	switch full := of.(type) {
	case *image.YCbCr:
		return func(x, y int) (uint32, uint32, uint32, uint32) {
			i, j := full.YOffset(x, y), full.COffset(x, y)
			return color.YCbCr{Y: full.Y[i], Cb: full.Cb[j], Cr: full.Cr[j]}.RGBA()
		}
	case *image.RGBA:
		if full.Opaque() {
			return func(x, y int) (uint32, uint32, uint32, uint32) {
				p := full.Pix[full.PixOffset(x, y):]
				return uint32(p[0]) * 0x101, uint32(p[1]) * 0x101, uint32(p[2]) * 0x101, 0xffff
			}
		}
	case *image.NRGBA:
		return func(x, y int) (uint32, uint32, uint32, uint32) {
			p := full.Pix[full.PixOffset(x, y):]
			return uint32(p[0]) * 0x101, uint32(p[1]) * 0x101, uint32(p[2]) * 0x101, uint32(p[3]) * 0x101
		}
	}
	return func(x, y int) (uint32, uint32, uint32, uint32) {
		is := color.NRGBA64Model.Convert(of.At(x, y)).(color.NRGBA64)
		return uint32(is.R), uint32(is.G), uint32(is.B), uint32(is.A)
	}
}

// inkReader reads pixels of four inks.
func (c colours) inkReader(full *image.CMYK) func(x, y int) (r, g, b uint8) {
	var last color.CMYK
	var is [3]uint8
	known := false
	in, out := make([]float64, 4), make([]float64, 4)
	return func(x, y int) (uint8, uint8, uint8) {
		if now := full.CMYKAt(x, y); !known || now != last {
			last, known = now, true
			for i, ink := range []uint8{now.C, now.M, now.Y, now.K} {
				in[i] = float64(ink) / 0xff
			}
			c.inksToSRGB(out, in)
			is = [3]uint8{uint8(deep(out[0]) / 0x101), uint8(deep(out[1]) / 0x101), uint8(deep(out[2]) / 0x101)}
		}
		return is[0], is[1], is[2]
	}
}

// convert makes sRGB of a pixel.
func (c colours) convert(r, g, b uint32) (uint32, uint32, uint32) {
	if c.cube != nil {
		return c.cube.convert(r, g, b)
	}
	fr, fg, fb := c.toSRGB(unit(r), unit(g), unit(b))
	return deep(fr), deep(fg), deep(fb)
}

func unit(sample uint32) float64 { return float64(sample) / 0xffff }

func deep(sample float64) uint32 { return uint32(max(0, min(sample, 1))*0xffff + 0.5) }

// onWhite is what a sample comes to upon white, in eight bits.
func onWhite(sample, alpha uint32) uint8 {
	return uint8(((sample*alpha+0xffff*(0xffff-alpha))/0xffff*0xff + 0x7fff) / 0xffff)
}
