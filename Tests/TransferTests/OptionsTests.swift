import Testing
import Wire

@testable import Transfer

@Suite struct OptionsTests {
  private func options(_ change: (inout Options) -> Void) -> String? {
    var options = Options(role: .sender, opening: .listen, random: Fours())
    change(&options)
    return options.complaint
  }

  @Test func `the defaults are fine`() { #expect(options { _ in } == nil) }

  @Test(arguments: [0, 4095, 4097, 2048, 1_048_577, 2 << 20, -4096])
  func `a frame size out of range or off the page is refused`(byteCount: Int) {
    #expect(options { $0.frameByteCount = byteCount } != nil)
  }

  @Test(arguments: [4096, 65_536, 1_048_576])
  func `memory for four frames is the least`(frame: Int) {
    let least = 4 * (frame + Geometry.headroom)
    let atLeast = options {
      $0.frameByteCount = frame
      $0.memoryByteCount = least
    }
    let below = options {
      $0.frameByteCount = frame
      $0.memoryByteCount = least - 1
    }
    #expect(atLeast == nil)
    #expect(below != nil)
    #expect(Geometry(frameByteCount: frame, memoryByteCount: least).slotCount == 4)
  }

  @Test func `connections are at least one and at most the limit`() {
    for count in [0, -1, 65] {
      let complaint = options { $0.opening = .dial(targetCount: 1, connectionCount: count) }
      #expect(complaint != nil)
    }
    for limit in [0, Limits.connectionsPerSession + 1] {
      #expect(options { $0.connectionLimit = limit } != nil)
    }
    #expect(options { $0.opening = .dial(targetCount: 1, connectionCount: 64) } == nil)
  }

  @Test func `a limit is a rate that can be kept to`() {
    for rate in [0, -1, 99_999, 1_000_000_000_001] {
      #expect(options { $0.rateLimit = rate } != nil)
    }
    for rate in [100_000, 400_000_000] { #expect(options { $0.rateLimit = rate } == nil) }
  }

  @Test func `slots never outnumber what a token can name`() {
    let geometry = Geometry(frameByteCount: 4096, memoryByteCount: 1 << 40)
    #expect(geometry.slotCount == Limits.slotCountMaximum)
  }
}
