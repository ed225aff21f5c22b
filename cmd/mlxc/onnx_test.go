package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/mlxc/mlxc/frontend/onnx/pb"
	"github.com/mlxc/mlxc/internal/onnxtest"
)

// A process that runs cases for a test is the test's own program.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == onnxWorker {
		os.Exit(onnxtest.Work(os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// floatInput is an input f32; a name is a dim.
func floatInput(name string, shape ...any) *pb.ValueInfo {
	s := &pb.Shape{}
	for _, d := range shape {
		switch d := d.(type) {
		case int:
			s.Dim = append(s.Dim, &pb.Dim{Value: &pb.Dim_DimValue{DimValue: int64(d)}})
		case string:
			s.Dim = append(s.Dim, &pb.Dim{Value: &pb.Dim_DimParam{DimParam: d}})
		}
	}
	return &pb.ValueInfo{Name: name, Type: &pb.Type{Value: &pb.Type_TensorType{TensorType: &pb.TensorType{ElemType: 1, Shape: s}}}}
}

func floatTensor(name string, shape []int64, xs ...float32) *pb.Tensor {
	return &pb.Tensor{Name: name, DataType: 1, Dims: shape, FloatData: xs}
}

func onnxModel(node *pb.Node, inputs []*pb.ValueInfo, initialisers ...*pb.Tensor) *pb.Model {
	return &pb.Model{IrVersion: 8, ProducerName: "a test", OpsetImport: []*pb.OperatorSet{{Version: 17}}, Graph: &pb.Graph{
		Name: "g", Node: []*pb.Node{node}, Input: inputs, Initializer: initialisers, Output: []*pb.ValueInfo{floatInput("y")},
	}}
}

// product is y = x w of two columns, w's numbers being 1 to 10.
func product() *pb.Model {
	w := floatTensor("w", []int64{5, 2}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	return onnxModel(&pb.Node{OpType: "MatMul", Input: []string{"x", "w"}, Output: []string{"y"}}, []*pb.ValueInfo{floatInput("x", "batch size", 5)}, w)
}

// reshape is y = x in another shape.
func reshape() *pb.Model {
	shape := &pb.ValueInfo{Name: "to", Type: &pb.Type{Value: &pb.Type_TensorType{TensorType: &pb.TensorType{ElemType: 7,
		Shape: &pb.Shape{Dim: []*pb.Dim{{Value: &pb.Dim_DimValue{DimValue: 2}}}}}}}}
	return onnxModel(&pb.Node{OpType: "Reshape", Name: "turn", Input: []string{"x", "to"}, Output: []string{"y"}}, []*pb.ValueInfo{floatInput("x", 6), shape})
}

func writeMessage(t *testing.T, path string, m proto.Message) string {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// A model of ONNX runs, is explained and compiled as it is, with dims bounded and its weights
// beside the package.
func TestONNX(t *testing.T) {
	dir := t.TempDir()
	model := writeMessage(t, filepath.Join(dir, "product.onnx"), product())
	const x = "x=[[1,0,0,0,0],[0,1,0,0,1]]"
	for _, args := range [][]string{{"--device", "reference"}, {"--device", "cpu", "--dim", "2<=batch size<=2"}} {
		if args[1] == "cpu" && testing.Short() {
			continue
		}
		if len(args) == 2 {
			args = append(args, "--dim", "batch size<=8")
		}
		code, out, errs := mlxcRun(t, append([]string{"run", model, "--in", x}, args...)...)
		if want := regexp.MustCompile(`y +f32\[2, 2\] +1.0000 2.0000 .*\n +12.0000 14.0000 `); code != exitOK || !want.MatchString(out) {
			t.Errorf("%s: exit %d, %s%s", args, code, out, errs)
		}
	}
	if code, out, errs := mlxcRun(t, "explain", model, "--dim", "batch size<=8", "--json"); code != exitOK || !strings.Contains(out, `"batch_size"`) {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	out := filepath.Join(dir, "out")
	for range 2 { // it replaces what it has written
		if code, _, errs := mlxcRun(t, "compile", model, "-o", out, "--dim", "batch size<=8"); code != exitOK {
			t.Fatalf("exit %d, %s", code, errs)
		}
	}
	if code, text, errs := mlxcRun(t, "weights", filepath.Join(out, "model.safetensors")); code != exitOK || !strings.Contains(text, "w  f32  [5, 2]  40\n") {
		t.Errorf("exit %d, %s%s", code, text, errs)
	}
	turn := writeMessage(t, filepath.Join(dir, "turn.onnx"), reshape())
	if code, text, errs := mlxcRun(t, "run", turn, "--device", "reference", "--bind", "to=[3,2]", "--in", "x=[1,2,3,4,5,6]"); code != exitOK || !strings.HasPrefix(text, "y  f32[3, 2]") {
		t.Errorf("exit %d, %s%s", code, text, errs)
	}
	// An initialiser that is an input too is its default.
	byDefault := reshape()
	byDefault.Graph.Initializer = []*pb.Tensor{{Name: "to", DataType: 7, Dims: []int64{2}, Int64Data: []int64{1, 6}}}
	turned := writeMessage(t, filepath.Join(dir, "default.onnx"), byDefault)
	for _, c := range []struct{ shape, bind string }{{"[1, 6]", ""}, {"[3, 2]", "to=[3,2]"}} {
		args := []string{"run", turned, "--device", "reference", "--in", "x=[1,2,3,4,5,6]"}
		if c.bind != "" {
			args = append(args, "--bind", c.bind)
		}
		if code, text, errs := mlxcRun(t, args...); code != exitOK || !strings.HasPrefix(text, "y  f32"+c.shape) {
			t.Errorf("%v: exit %d, %s%s", args, code, text, errs)
		}
	}
	foreign := filepath.Join(dir, "foreign")
	if err := os.MkdirAll(foreign, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "model.safetensors"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitWrong, `sizes of the inputs have no bound: give --dim 'batch size<=64'`, []string{"check", model}},
		{exitWrong, `no input has a dim "T"; the dims are batch size`, []string{"check", model, "--dim", "T<=4", "--dim", "batch size=1"}},
		{exitUsage, `--dim wants NAME<=MAX, MIN<=NAME<=MAX or NAME=SIZE, got "batch size<=x"`, []string{"check", model, "--dim", "batch size<=x"}},
		{exitUsage, `--dim wants NAME<=MAX`, []string{"check", model, "--dim", "4"}},
		{exitUsage, `--dim wants NAME<=MAX`, []string{"check", model, "--dim", "9<=batch size<=8"}},
		{exitUsage, `--dim batch size is given twice`, []string{"check", model, "--dim", "batch size<=8", "--dim", "batch size<=9"}},
		{exitUsage, `--dim batch size=4: it has bounds already`, []string{"check", model, "--dim", "batch size<=8", "--dim", "batch size=4"}},
		{exitWrong, `has no input "z" to bind`, []string{"check", model, "--dim", "batch size=1", "--bind", "z=1"}},
		{exitWrong, `node turn (Reshape): the shape has to be known when the model is compiled: give --bind to=VALUE`, []string{"check", turn}},
		{exitWrong, `input to is bound to i64[1 2], want i64[2]`, []string{"check", turn, "--bind", "to=[[1,2]]"}},
		{exitWrong, `has no input "w" to bind`, []string{"check", model, "--dim", "batch size=1", "--bind", "w=1"}},
		{exitUsage, `--set and --config are for models with a config`, []string{"check", model, "--set", "a=1"}},
		{exitUsage, `--bind is for models of ONNX, which ` + digits + ` is not`, []string{"check", digits, "--bind", "a=1"}},
		{exitUsage, `--dim is for models of ONNX: ` + digits, []string{"check", digits, "--dim", "B<=1"}},
		{exitWrong, `model.safetensors: not written by mlxc, will not overwrite it`, []string{"compile", model, "-o", foreign, "--dim", "batch size<=8"}},
	} {
		if code, _, errs := mlxcRun(t, c.args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %s, want %d, %s", c.args, code, errs, c.code, c.want)
		}
	}
	if files, _ := os.ReadDir(foreign); len(files) != 1 {
		t.Errorf("%d files beside a foreign one", len(files))
	}
}

// testFolder writes a test of y for x.
func testFolder(t *testing.T, dir string, m *pb.Model, y *pb.Tensor, xs ...*pb.Tensor) {
	writeMessage(t, filepath.Join(dir, "model.onnx"), m)
	for i, x := range xs {
		writeMessage(t, filepath.Join(dir, "test_data_set_0", "input_"+string(rune('0'+i))+".pb"), x)
	}
	writeMessage(t, filepath.Join(dir, "test_data_set_0", "output_0.pb"), y)
}

// many elements, whose sines take a while.
const many = 1 << 17

// endless is a loop whose rounds do not end in the time of a test.
func endless() *pb.Model {
	value := func(name string, kind int32) *pb.ValueInfo {
		return &pb.ValueInfo{Name: name, Type: &pb.Type{Value: &pb.Type_TensorType{TensorType: &pb.TensorType{ElemType: kind, Shape: &pb.Shape{}}}}}
	}
	body := &pb.Graph{
		Name:   "round",
		Input:  []*pb.ValueInfo{value("i", 7), value("go", 9), value("v", 1)},
		Output: []*pb.ValueInfo{value("again", 9), value("w", 1)},
		Node: []*pb.Node{
			{OpType: "Identity", Input: []string{"go"}, Output: []string{"again"}},
			{OpType: "Sin", Input: []string{"v"}, Output: []string{"w"}},
		},
	}
	m := onnxModel(&pb.Node{OpType: "Loop", Input: []string{"n", "", "x"}, Output: []string{"y"}, Attribute: []*pb.Attribute{{Name: "body", Type: 5, G: body}}},
		[]*pb.ValueInfo{floatInput("x", many)}, &pb.Tensor{Name: "n", DataType: 7, Int64Data: []int64{1e6}})
	return m
}

// Folders of ONNX's tests are run together, and each case has a verdict of its own.
func TestONNXTests(t *testing.T) {
	if testing.Short() {
		t.Skip("builds models")
	}
	dir := t.TempDir()
	x := floatTensor("x", []int64{1, 5}, 0, 1, 0, 0, 1)
	testFolder(t, filepath.Join(dir, "good"), product(), floatTensor("y", []int64{1, 2}, 12, 14), x)
	testFolder(t, filepath.Join(dir, "wrong"), product(), floatTensor("y", []int64{1, 2}, 12, 15), x)
	testFolder(t, filepath.Join(dir, "bound", "deep"), reshape(), floatTensor("y", []int64{2, 3}, 1, 2, 3, 4, 5, 6),
		floatTensor("x", []int64{6}, 1, 2, 3, 4, 5, 6), &pb.Tensor{Name: "to", DataType: 7, Dims: []int64{2}, Int64Data: []int64{2, -1}})
	testFolder(t, filepath.Join(dir, "foreign"), onnxModel(&pb.Node{OpType: "Wonder", Input: []string{"x"}, Output: []string{"y"}}, []*pb.ValueInfo{floatInput("x", 5)}), x, floatTensor("x", []int64{5}, 1, 2, 3, 4, 5))
	testFolder(t, filepath.Join(dir, "long"), endless(), floatTensor("y", []int64{many}, make([]float32, many)...), floatTensor("x", []int64{many}, make([]float32, many)...))
	verdicts := filepath.Join(t.TempDir(), "verdicts.json")
	code, out, errs := mlxcRun(t, "test", dir, "--device", "cpu", "--json", verdicts, "--limit", "8s")
	d := filepath.ToSlash(dir)
	want := "unsupported  " + d + "/foreign: operators that are not covered: Wonder (y)\n" +
		"failed  " + d + "/long: it took more than 8s\n" +
		"failed  " + d + "/wrong: test_data_set_0, output y: element [0, 1] is 14, want 15; 1 of 2 elements are off\n" +
		"2 passed, 2 failed, 1 unsupported\n"
	if code != exitWrong || out != want || errs != "" {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	text, err := os.ReadFile(verdicts)
	if err != nil {
		t.Fatal(err)
	}
	var listed []onnxtest.Result
	if err := json.Unmarshal(text, &listed); err != nil || len(listed) != 5 {
		t.Errorf("%v: %s", err, text)
	}
	for args, want := range map[string]string{
		"--device reference --rtol 0.1": "3 passed, 1 failed, 1 unsupported\n",
	} {
		if code, out, errs := mlxcRun(t, append([]string{"test", dir, "--limit", "1s"}, strings.Fields(args)...)...); code != exitWrong || !strings.HasSuffix(out, want) {
			t.Errorf("%s: exit %d, %s%s", args, code, out, errs)
		}
	}
	for args, want := range map[string]string{
		"test " + dir + " --dim B=1":                   "--dim is for models, not for folders",
		"test " + dir + " --device cpu,reference":      "ONNX's tests run on one --device",
		"test " + dir + " --limit 0s":                  "--limit is 0s",
		"test " + t.TempDir():                          "there is no folder with a model.onnx in it",
		"test " + digits + " --rtol 1 --device cpu":    "--rtol is for folders of ONNX's tests",
		"test " + dir + " " + digits + " --device cpu": "digits.mlx: there is no folder",
	} {
		if _, out, errs := mlxcRun(t, strings.Fields(args)...); !strings.Contains(errs, want) {
			t.Errorf("%s: %s%s, want %s", args, out, errs, want)
		}
	}
}

// What import writes runs as the file does, and says what has another name there.
func TestImport(t *testing.T) {
	m := product()
	m.Graph.Input[0].Name, m.Graph.Node[0].Input[0] = "state:0", "state:0"
	dir := t.TempDir()
	model := writeMessage(t, filepath.Join(dir, "product.onnx"), m)
	out := filepath.Join(dir, "out")
	code, text, errs := mlxcRun(t, "import", model, "-o", out, "--dim", "batch size<=8")
	if code != exitOK || !strings.HasSuffix(text, "go on with: mlxc compile "+filepath.Join(out, "model.mlx")+" -o PACKAGE\n") {
		t.Fatalf("exit %d, %s%s", code, text, errs)
	}
	written, err := os.ReadFile(filepath.Join(out, "model.mlx"))
	const head = "# Imported from product.onnx, which a test has made.\n# The input state_0 is \"state:0\" there.\n\n"
	if err != nil || !strings.HasPrefix(string(written), head) {
		t.Errorf("%v\n%s", err, written)
	}
	code, text, errs = mlxcRun(t, "run", filepath.Join(out, "model.mlx"), "--device", "reference", "--in", "state_0=[[1,0,0,0,0],[0,1,0,0,1]]")
	if want := regexp.MustCompile(`y +f32\[2, 2\] +1.0000 2.0000 .*\n +12.0000 14.0000 `); code != exitOK || !want.MatchString(text) {
		t.Errorf("exit %d, %s%s", code, text, errs)
	}
	if code, _, errs := mlxcRun(t, "fmt", "-l", filepath.Join(out, "model.mlx")); code != exitOK || errs != "" {
		t.Errorf("exit %d, %s", code, errs)
	}
	foreign := writeMessage(t, filepath.Join(dir, "foreign.onnx"), onnxModel(&pb.Node{OpType: "Wonder", Name: "n", Input: []string{"x"}, Output: []string{"y"}}, []*pb.ValueInfo{floatInput("x", 5)}))
	none := filepath.Join(dir, "none")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitWrong, "model.mlx is there already: remove it, or take another folder", []string{"import", model, "-o", out, "--dim", "batch size<=8"}},
		{exitUsage, "import needs -o DIR", []string{"import", model}},
		{exitWrong, "a model of ONNX is a file .onnx", []string{"import", digits, "-o", none}},
		{exitWrong, "operators that are not covered: Wonder (n)", []string{"import", foreign, "-o", none}},
	} {
		if code, _, errs := mlxcRun(t, c.args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %s, want %d, %s", c.args, code, errs, c.code, c.want)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("there is a folder for nothing")
	}
	if files, _ := os.ReadDir(out); len(files) != 2 {
		t.Errorf("%v", files)
	}
}
