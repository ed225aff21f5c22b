// Package pb decodes ONNX files: the messages of onnx.proto as Go types.
package pb

//go:generate protoc --go_out=. --go_opt=paths=source_relative onnx.proto
