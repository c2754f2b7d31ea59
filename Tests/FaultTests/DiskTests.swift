import Foundation
import Testing

// Goal: files and disks arrive byte by byte over four links too (issue 6, done list 1).
// Method: every kind of source and target, in one lab for each pair of them; cmp(1) and du(1).
// Failure: a side does not exit 0, a byte differs, a hole was filled.
extension FaultTests {
  @Suite struct Disks {
    @Test(
      .enabled(if: LoopDevice.isPossible, "makes loop devices"),
      arguments: Copy.End.allCases,
      [Copy.End.pipe, .file, .disk4096]
    )
    func `every kind of source arrives in every kind of target`(source: Copy.End, target: Copy.End)
      throws
    {
      let lab = try Lab(rates: Array(repeating: 1_000_000_000, count: 4))
      for size in Copy.edges + (FaultTests.isFull ? [Copy.long] : []) {
        var copy = Copy(source: source, target: target, byteCount: size)
        copy.pair.host = "10.99.0.2"
        copy.pair.senderHost = lab.on("a")
        copy.pair.receiverHost = lab.on("b")
        // What is short is also read back.
        if size < Copy.long, target != .pipe { copy.receive = "--verify" }
        try copy.check()
      }
    }
  }
}
