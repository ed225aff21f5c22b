//go:build darwin || (linux && mlxc_metal)

package mlxc_test

import (
	"bytes"
	"context"
	"math"
	"testing"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/testdata/gen/places"
)

// What a model says runs on the CPU runs there though the rest runs on the GPU: the numbers
// are those of the CPU alone, bit for bit, for sums of whole numbers are exact and the code
// is the same. So f64 is there too.
func TestMetalPlaces(t *testing.T) {
	needMetal(t)
	onBoth, onCPU := placesSession(t, places.LoadMetal), placesSession(t, places.LoadCPU)
	ctx := context.Background()
	for call := range 3 { // the state adds up
		x := whole(t, 16+23*call, 32)
		got, err := onBoth.Turns(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		if onBoth.DeviceTime() <= 0 {
			t.Error("the GPU did nothing")
		}
		want, err := onCPU.Turns(ctx, x)
		if err != nil {
			t.Fatal(err)
		}
		sameBits(t, "y", got.Y, want.Y)
		sameBits(t, "share", got.Share, want.Share)
		sameBits(t, "total", got.Total, want.Total)
	}
	for n := range 6 {
		x := whole(t, 20, 8)
		got, err := onBoth.Rounds(ctx, x, n)
		if err != nil {
			t.Fatal(err)
		}
		want, err := onCPU.Rounds(ctx, x, n)
		if err != nil {
			t.Fatal(err)
		}
		sameBits(t, "rounds", got, want)
	}
	x, err := runtime.NewArray(runtime.F64, 16, 8)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range data[float64](t, x) {
		data[float64](t, x)[i] = v + math.Sin(float64(i))
	}
	got, err := onBoth.Wide(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	want, err := onCPU.Wide(ctx, x)
	if err != nil {
		t.Fatal(err)
	}
	sameBits(t, "wide", got.Y, want.Y)
	sameBits(t, "copy", got.Copy, want.Copy)
	if took := onBoth.DeviceTime(); took != 0 {
		t.Errorf("all of it is placed on the CPU, and the GPU worked for %v", took)
	}
}

func TestMetalPlacesAllocateNothing(t *testing.T) {
	needMetal(t)
	s := placesSession(t, places.LoadMetal)
	x, y, ctx := whole(t, 16, 32), whole(t, 16, 8), context.Background()
	if n := testing.AllocsPerRun(3, func() {
		if _, err := s.Turns(ctx, x); err != nil {
			t.Error(err)
		}
		if _, err := s.Rounds(ctx, y, 3); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func placesSession(t *testing.T, load func(string) (*places.Model, error)) *places.Session {
	t.Helper()
	m, err := load("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s); closed(t, m) })
	return s
}

// whole is small whole numbers.
func whole(t *testing.T, shape ...int) *runtime.Array {
	t.Helper()
	a, err := runtime.NewArray(runtime.F32, shape...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data[float32](t, a) {
		data[float32](t, a)[i] = float32(i*7%11 - 4)
	}
	return a
}

func sameBits(t *testing.T, what string, got, want *runtime.Array) {
	t.Helper()
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%s is another than on the CPU alone", what)
	}
}
