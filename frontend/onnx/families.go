package onnx

var (
	logic   = map[string]handler{}
	signals = map[string]handler{}
	random  = map[string]handler{}
	control = map[string]handler{}
)
