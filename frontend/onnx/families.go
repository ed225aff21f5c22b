package onnx

var (
	gathers  = map[string]handler{}
	logic    = map[string]handler{}
	resizing = map[string]handler{}
	random   = map[string]handler{}
	losses   = map[string]handler{}
)
