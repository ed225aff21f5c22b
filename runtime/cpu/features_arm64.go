package cpu

// Vectors reports that kernels in assembly may be used, for which all processors have
// NEON; unless MLXC_CPU is go.
var Vectors = allowed("neon")
