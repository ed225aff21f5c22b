package onnx
var resizing = map[string]handler{}
