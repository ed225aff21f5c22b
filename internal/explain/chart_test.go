package explain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// More steps than fit are drawn in bands, each with the blocks that are alive there.
func TestChart(t *testing.T) {
	p := &Plan{Launches: make([]Launch, bandSteps+12)}
	for i := range p.Launches {
		p.Launches[i].Live = 50
	}
	p.Launches[0].Live, p.Launches[1].Live = 100, 0
	m := &Memory{Arena: 100, Live: 100, Bound: 80, Blocks: []Block{
		{Offset: 0, Bytes: 50, First: 0, Last: 2, Writes: []int{0}, Reads: []int{2}, Buffers: []string{"a", "b"}},
		{Offset: 256, Bytes: 50, First: 49, Last: 51, Writes: []int{49, 50}, Reads: []int{50}, Buffers: []string{strings.Repeat("long", 20)}},
	}}
	var b strings.Builder
	m.text(&b, p)
	want := `
  arena 100 B; 100 B alive at once; 80 B in any order
  w written, r read, x both, - alive; below, what is alive as a part of the arena

      offset       size  0         10        20        30        40
           0       50 B  w-r...............................................  a, b
         256       50 B  .................................................w  longlonglonglonglong...
                  alive  █ ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄

      offset       size  50        60
         256       50 B  x-..........  longlonglonglonglonglonglonglonglonglonglonglonglonglonglo...
                  alive  ▄▄▄▄▄▄▄▄▄▄▄▄
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
