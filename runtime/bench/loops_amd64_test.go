package bench

import (
	"bytes"
	"testing"
)

// The portable loops are those of processors that tests do not meet.
func TestPortableLoops(t *testing.T) {
	if flops := portable.fma(100); flops != 800 {
		t.Errorf("%g operations", flops)
	}
	from, to := []byte("all of it"), make([]byte, 9)
	portable.copy(to, from)
	portable.read(to)
	if !bytes.Equal(from, to) {
		t.Errorf("copied %q", to)
	}
}
