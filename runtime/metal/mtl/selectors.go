//go:build darwin || (linux && mlxc_metal)

package mtl

// A selector is an index into the table below.
type selector int

const (
	selAlloc selector = iota
	selNew
	selRespondsToSelector
	selInitWithUTF8String
	selUTF8String
	selCode
	selLocalizedDescription
	selMaxBufferLength
	selNewCommandQueue
	selNewBufferWithLength
	selNewBufferWithBytesNoCopy
	selNewLibraryWithSource
	selNewComputePipelineState
	selNewSharedEvent
	selSetLanguageVersion
	selSetMathMode
	selSetFastMathEnabled
	selNewFunctionWithName
	selMaxTotalThreadsPerThreadgroup
	selThreadExecutionWidth
	selContents
	selSetSignaledValue
	selWaitUntilSignaledValue
	selCommandBuffer
	selComputeCommandEncoder
	selEncodeWaitForEvent
	selEncodeSignalEvent
	selCommit
	selWaitUntilCompleted
	selStatus
	selError
	selGPUStartTime
	selGPUEndTime
	selSetComputePipelineState
	selSetBuffer
	selSetBuffers
	selSetBytes
	selMemoryBarrier
	selDispatchThreadgroups
	selEndEncoding
)

// selectors is every message that is sent, alloc and new to classes, the others to
// objects: its name, the class or protocol that declares it, and its type in Apple's encoding without offsets: the result, then
// the arguments, of which the first two are always @ (the receiver) and : (the
// selector). q and Q are NSInteger and NSUInteger, B is BOOL, d double, @ an object,
// ^ a pointer, r^ one to what is only read, r* a string of C, @? a block, {?=QQQ} an
// MTLSize and {_NSRange=QQ} an NSRange.
var selectors = [...]struct{ name, class, encoding string }{
	selAlloc:              {"alloc", "NSObject", "@@:"},
	selNew:                {"new", "NSObject", "@@:"},
	selRespondsToSelector: {"respondsToSelector:", "NSObject", "B@::"},

	selInitWithUTF8String:   {"initWithUTF8String:", "NSString", "@@:r*"},
	selUTF8String:           {"UTF8String", "NSString", "r*@:"},
	selCode:                 {"code", "NSError", "q@:"},
	selLocalizedDescription: {"localizedDescription", "NSError", "@@:"},

	selMaxBufferLength:          {"maxBufferLength", "MTLDevice", "Q@:"},
	selNewCommandQueue:          {"newCommandQueueWithMaxCommandBufferCount:", "MTLDevice", "@@:Q"},
	selNewBufferWithLength:      {"newBufferWithLength:options:", "MTLDevice", "@@:QQ"},
	selNewBufferWithBytesNoCopy: {"newBufferWithBytesNoCopy:length:options:deallocator:", "MTLDevice", "@@:^vQQ@?"},
	selNewLibraryWithSource:     {"newLibraryWithSource:options:error:", "MTLDevice", "@@:@@^@"},
	selNewComputePipelineState:  {"newComputePipelineStateWithFunction:error:", "MTLDevice", "@@:@^@"},
	selNewSharedEvent:           {"newSharedEvent", "MTLDevice", "@@:"},

	selSetLanguageVersion: {"setLanguageVersion:", "MTLCompileOptions", "v@:Q"},
	selSetMathMode:        {"setMathMode:", "MTLCompileOptions", "v@:q"},
	selSetFastMathEnabled: {"setFastMathEnabled:", "MTLCompileOptions", "v@:B"},

	selNewFunctionWithName:           {"newFunctionWithName:", "MTLLibrary", "@@:@"},
	selMaxTotalThreadsPerThreadgroup: {"maxTotalThreadsPerThreadgroup", "MTLComputePipelineState", "Q@:"},
	selThreadExecutionWidth:          {"threadExecutionWidth", "MTLComputePipelineState", "Q@:"},
	selContents:                      {"contents", "MTLBuffer", "^v@:"},
	selSetSignaledValue:              {"setSignaledValue:", "MTLSharedEvent", "v@:Q"},
	selWaitUntilSignaledValue:        {"waitUntilSignaledValue:timeoutMS:", "MTLSharedEvent", "B@:QQ"},

	selCommandBuffer:         {"commandBufferWithUnretainedReferences", "MTLCommandQueue", "@@:"},
	selComputeCommandEncoder: {"computeCommandEncoderWithDispatchType:", "MTLCommandBuffer", "@@:Q"},
	selEncodeWaitForEvent:    {"encodeWaitForEvent:value:", "MTLCommandBuffer", "v@:@Q"},
	selEncodeSignalEvent:     {"encodeSignalEvent:value:", "MTLCommandBuffer", "v@:@Q"},
	selCommit:                {"commit", "MTLCommandBuffer", "v@:"},
	selWaitUntilCompleted:    {"waitUntilCompleted", "MTLCommandBuffer", "v@:"},
	selStatus:                {"status", "MTLCommandBuffer", "Q@:"},
	selError:                 {"error", "MTLCommandBuffer", "@@:"},
	selGPUStartTime:          {"GPUStartTime", "MTLCommandBuffer", "d@:"},
	selGPUEndTime:            {"GPUEndTime", "MTLCommandBuffer", "d@:"},

	selSetComputePipelineState: {"setComputePipelineState:", "MTLComputeCommandEncoder", "v@:@"},
	selSetBuffer:               {"setBuffer:offset:atIndex:", "MTLComputeCommandEncoder", "v@:@QQ"},
	selSetBuffers:              {"setBuffers:offsets:withRange:", "MTLComputeCommandEncoder", "v@:r^@r^Q{_NSRange=QQ}"},
	selSetBytes:                {"setBytes:length:atIndex:", "MTLComputeCommandEncoder", "v@:r^vQQ"},
	selMemoryBarrier:           {"memoryBarrierWithScope:", "MTLComputeCommandEncoder", "v@:Q"},
	selDispatchThreadgroups:    {"dispatchThreadgroups:threadsPerThreadgroup:", "MTLComputeCommandEncoder", "v@:{?=QQQ}{?=QQQ}"},
	selEndEncoding:             {"endEncoding", "MTLComputeCommandEncoder", "v@:"},
}

// registered is the table as the Objective-C runtime knows it.
var registered [len(selectors)]uintptr
