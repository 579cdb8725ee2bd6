package convert

const (
	// cubeEdge is how many samples of each colour a cube has. What lies between is
	// interpolated, which differs by more than one of 255 only where colours are cut off.
	cubeEdge = 65
	// cubeWorth is from how many pixels on a cube is worth its making.
	cubeWorth = 4 * cubeEdge * cubeEdge * cubeEdge
)

// cube holds what a conversion of colours makes of a grid of them, with 16 bits. Its
// whole numbers give the same on all computers.
type cube []uint32

// newCube samples a conversion.
func newCube(convert func(r, g, b float64) (float64, float64, float64)) cube {
	c := make(cube, 3*cubeEdge*cubeEdge*cubeEdge)
	each(cubeEdge, func(i int) {
		for j := range cubeEdge {
			for k := range cubeEdge {
				r, g, b := convert(float64(i)/(cubeEdge-1), float64(j)/(cubeEdge-1), float64(k)/(cubeEdge-1))
				at := c[3*((i*cubeEdge+j)*cubeEdge+k):]
				at[0], at[1], at[2] = deep(r), deep(g), deep(b)
			}
		}
	})
	return c
}

// convert interpolates within the cell of a colour, which has six tetrahedra: from the
// darkest corner, the way leads along the colours with the largest rest first.
func (c cube) convert(r, g, b uint32) (uint32, uint32, uint32) {
	const scale = cubeEdge - 1
	var rest [3]uint32
	var step [4]uint32 // after the last corner there is no further one
	at := uint32(0)
	for i, sample := range [3]uint32{r, g, b} {
		place := sample * scale
		cell := min(place/0xffff, scale-1)
		rest[i] = place - cell*0xffff
		step[i] = [3]uint32{3 * cubeEdge * cubeEdge, 3 * cubeEdge, 3}[i]
		at += cell * step[i]
	}
	if rest[0] < rest[1] {
		rest[0], rest[1], step[0], step[1] = rest[1], rest[0], step[1], step[0]
	}
	if rest[1] < rest[2] {
		rest[1], rest[2], step[1], step[2] = rest[2], rest[1], step[2], step[1]
	}
	if rest[0] < rest[1] {
		rest[0], rest[1], step[0], step[1] = rest[1], rest[0], step[1], step[0]
	}
	weights := [4]uint64{uint64(0xffff - rest[0]), uint64(rest[0] - rest[1]), uint64(rest[1] - rest[2]), uint64(rest[2])}
	var sums [3]uint64
	for i, weight := range weights {
		corner := c[at : at+3]
		sums[0] += weight * uint64(corner[0])
		sums[1] += weight * uint64(corner[1])
		sums[2] += weight * uint64(corner[2])
		at += step[i]
	}
	return uint32(sums[0] / 0xffff), uint32(sums[1] / 0xffff), uint32(sums[2] / 0xffff)
}
