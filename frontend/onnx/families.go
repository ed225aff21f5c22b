package onnx

var random = map[string]handler{}
