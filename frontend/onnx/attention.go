package onnx

var attentions = map[string]handler{}
