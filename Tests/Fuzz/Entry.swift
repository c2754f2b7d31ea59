// Goal: no bytes and no order of events may trap the decoders or a session, nor make it believe that
// a transfer is complete which is not. Method: libFuzzer writes a tape of choices; a rig plays both
// the kernel and a hostile peer by it. A failure names the promise; `run --replay FILE` shows how it
// came about.

/// What libFuzzer calls for every input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  var tape = Tape(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  if tape.byte() >= 224 {
    fuzzDecoders(&tape)
  } else {
    let rig = Rig(tape)
    rig.run()
  }
  return 0
}
