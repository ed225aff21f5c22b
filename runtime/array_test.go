package runtime

import (
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func must[T any](x T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
}

// wantError checks that an error contains the text, in one line.
func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got the error %v, want one with %q", err, text)
	}
}

func TestNewArray(t *testing.T) {
	for d := F64; d.valid(); d++ {
		a := must(NewArray(d, 3, 0, 5))(t)
		if a.Len() != 0 || len(a.Bytes()) != 0 {
			t.Errorf("%s has %d elements", a, a.Len())
		}
		a = must(NewArray(d, 2, 3))(t)
		if a.Len() != 6 || len(a.Bytes()) != 6*d.Size() || uintptr(unsafe.Pointer(&a.Bytes()[0]))%4096 != 0 {
			t.Errorf("%s has %d elements in %d bytes at %p", a, a.Len(), len(a.Bytes()), a.Bytes())
		}
		if want := d.String() + "[2, 3]"; a.String() != want {
			t.Errorf("%s is called %s", want, a)
		}
	}
	if a := must(NewArray(F32))(t); a.Len() != 1 || a.String() != "f32" {
		t.Errorf("a scalar %s has %d elements", a, a.Len())
	}
	for _, c := range []struct {
		shape []int
		text  string
	}{
		{[]int{2, -1}, "negative"},
		{[]int{0, -1}, "negative"},
		{[]int{math.MaxInt, 2}, "address space"},
		{[]int{1 << 31, 1 << 31, 1}, "address space"},
		{[]int{math.MaxInt / 4}, "cannot map"},
		{make([]int, MaxRank+1), "axes"},
	} {
		_, err := NewArray(F32, c.shape...)
		wantError(t, err, c.text)
	}
	_, err := NewArray(0, 1)
	wantError(t, err, "no dtype")
	// The product does not fit, but the array is empty.
	if a := must(NewArray(F64, math.MaxInt, 0, math.MaxInt))(t); a.Len() != 0 {
		t.Errorf("%s has %d elements", a, a.Len())
	}
}

func TestFrom(t *testing.T) {
	a := must(From([][2]int16{{1, 2}, {3, 4}, {5, -6}}))(t)
	if a.String() != "i16[3, 2]" {
		t.Errorf("it is %s", a)
	}
	xs := must(Data[int16](a))(t)
	if !slices.Equal(xs, []int16{1, 2, 3, 4, 5, -6}) {
		t.Errorf("it holds %v", xs)
	}
	if b := must(From([]bool{true, false}, 2, 1))(t); b.String() != "bool[2, 1]" || b.Bytes()[0] != 1 {
		t.Errorf("it is %s, %v", b, b.Bytes())
	}
	if s := must(From([]float32{7}, []int{}...))(t); s.String() != "f32" {
		t.Errorf("with the shape of a scalar it is %s", s)
	}
	_, err := From([]float32{1, 2, 3}, 2, 2)
	wantError(t, err, "3 elements do not fill f32[2, 2]")
	_, err = From([]float32{1, 2, 3}, 2)
	wantError(t, err, "3 elements do not fill f32[2]")
	_, err = From([]int{1})
	wantError(t, err, "int is no element")
	_, err = From([]string{"a"})
	wantError(t, err, "string is no element")
	_, err = From([]float32{}, -1)
	wantError(t, err, "negative")
}

func TestData(t *testing.T) {
	a := must(NewArray(F32, 3, 28, 1, 28, 1))(t)
	pictures := must(Data[[28][28]float32](a))(t)
	pictures[2][1][3] = 5
	if xs := must(Data[float32](a))(t); len(pictures) != 3 || xs[2*28*28+28+3] != 5 {
		t.Error("a slice of pictures is not the array's memory")
	}
	if p := must(Data[[28][28][1]float32](a))(t); len(p) != 3 {
		t.Errorf("%d pictures", len(p))
	}
	_, err := Data[[28][3]float32](a)
	wantError(t, err, "f32[3, 28, 1, 28, 1] is no slice of [28][3]float32")
	_, err = Data[[4][3][28][28]float32](a)
	wantError(t, err, "is no slice of")
	_, err = Data[float64](a)
	wantError(t, err, "is no slice of float64")
	_, err = Data[struct{}](a)
	wantError(t, err, "no element")
	if xs := must(Data[[0]float32](must(NewArray(F32, 2, 0))(t)))(t); len(xs) != 0 {
		t.Errorf("%d empty rows", len(xs))
	}
	h := must(From([]Float16{NewFloat16(1.5)}))(t)
	if xs := must(Data[Float16](h))(t); h.DType() != F16 || xs[0].Float32() != 1.5 {
		t.Errorf("%s holds %v", h, xs)
	}
	b := must(From([]BFloat16{NewBFloat16(1.5)}))(t)
	if xs := must(Data[BFloat16](b))(t); b.DType() != BF16 || xs[0].Float32() != 1.5 {
		t.Errorf("%s holds %v", b, xs)
	}
	for _, check := range []struct {
		d  DType
		ok func(*Array) error
	}{
		{F64, sliceOf[float64]}, {F32, sliceOf[float32]}, {I64, sliceOf[int64]}, {I32, sliceOf[int32]}, {I16, sliceOf[int16]}, {I8, sliceOf[int8]},
		{U64, sliceOf[uint64]}, {U32, sliceOf[uint32]}, {U16, sliceOf[uint16]}, {U8, sliceOf[uint8]}, {Bool, sliceOf[bool]},
	} {
		if err := check.ok(must(NewArray(check.d, 2))(t)); err != nil {
			t.Error(err)
		}
	}
}

func sliceOf[T any](a *Array) error {
	_, err := Data[T](a)
	return err
}

func TestReshape(t *testing.T) {
	a := must(From([]int32{1, 2, 3, 4}))(t)
	b := must(a.Reshape(2, 2))(t)
	must(Data[int32](b))(t)[3] = 9
	if a.String() != "i32[4]" || b.String() != "i32[2, 2]" || must(Data[int32](a))(t)[3] != 9 {
		t.Errorf("%s and %s do not share their memory", a, b)
	}
	_, err := a.Reshape(3)
	wantError(t, err, "i32[4] cannot have the shape of i32[3]")
}

func TestCloseArray(t *testing.T) {
	a := must(From([]float32{1, 2}))(t)
	b := must(a.Clone())(t)
	for range 2 {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if a.Bytes() != nil {
		t.Error("a closed array has bytes")
	}
	if _, err := Data[float32](a); !errors.Is(err, ErrClosed) {
		t.Errorf("data of a closed array: %v", err)
	}
	if _, err := a.Clone(); !errors.Is(err, ErrClosed) {
		t.Errorf("clone of a closed array: %v", err)
	}
	if xs := must(Data[float32](b))(t); xs[1] != 2 {
		t.Errorf("the clone holds %v", xs)
	}
}

// An array that nothing refers to any more gives its memory back.
func TestCollectArray(t *testing.T) {
	freed := make(chan struct{})
	func() {
		a := must(NewArray(U8, 1<<16))(t)
		runtime.AddCleanup(a.mem, func(c chan struct{}) { close(c) }, freed)
	}()
	for deadline := time.Now().Add(10 * time.Second); ; {
		runtime.GC()
		select {
		case <-freed:
			return
		case <-time.After(time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatal("the memory of an unreachable array is still held")
			}
		}
	}
}

func TestDTypes(t *testing.T) {
	if got := reflect.ValueOf(dtypes).Len(); got != int(Bool)+1 {
		t.Errorf("%d rows for %d dtypes", got, Bool)
	}
	if s := DType(99).String(); s != "dtype(99)" || DType(99).Size() != 0 {
		t.Errorf("an unknown dtype is called %s", s)
	}
}
