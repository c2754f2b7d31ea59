// Goal: the arena's memory, and how much of it gets registered under a locked-memory limit.
// Method: limits are set in a child process under a user id of its own, since the kernel counts
// locked memory per user. A failure here means: no transfer at all for an ordinary user.
import Glibc
import Testing

@testable import Uring

@Suite struct ArenaTests {
  @Test func `the arena is whole pages of zeros aligned to two mebibytes`() throws {
    let arena = try Arena(byteCount: 5000)
    #expect(arena.byteCount == 8192)
    #expect(unsafe UInt(bitPattern: arena.pointer(arena.range)) % (2 << 20) == 0)
    let sum = arena.withBytes(arena.range) { bytes in
      bytes.indices.reduce(0) { $0 + Int(bytes[$1]) }
    }
    #expect(sum == 0)
  }

  @Test func `a range reads what was written there`() throws {
    let arena = try Arena(byteCount: 4096)
    arena.withMutableBytes(range(10, 3)) { bytes in
      for index in bytes.indices { bytes[index] = UInt8(index + 1) }
    }
    let seen = arena.withBytes(range(9, 5)) { bytes in bytes.indices.map { bytes[$0] } }
    #expect(seen == [0, 1, 2, 3, 0])
    #expect(range(9, 5).dropping(2) == range(11, 3))
  }

  @Test func `the checksum is XXH3 of the published vectors`() throws {
    // XXH3_64bits with seed 0 of nothing, and of "xxhash".
    #expect(xxh3([UInt8]().span) == 0x2d06_8005_38d3_94c2)
    let arena = try Arena(byteCount: 4096)
    #expect(arena.xxh3(range(0, 0)) == 0x2d06_8005_38d3_94c2)
    let bytes = Array("xxhash".utf8)
    arena.withMutableBytes(range(100, bytes.count)) { span in
      for index in span.indices { span[index] = bytes[index] }
    }
    #expect(arena.xxh3(range(100, bytes.count)) == xxh3(bytes.span))
  }

  @Test func `the place sum is that of its definition, however it is cut`() throws {
    let arena = try Arena(byteCount: 16_384)
    let whole = range(3, 9001)
    #expect(arena.placeSum(whole, at: 77) == 0)
    arena.withMutableBytes(whole) { for index in $0.indices { $0[index] = UInt8(index * 7 % 251) } }
    for offset: UInt64 in [0, 1, 4094, 1 << 40] {
      let sum = arena.placeSum(whole, at: offset)
      let expected = arena.withBytes(whole) { bytes in
        bytes.indices.reduce(0) { $0 &+ placeSum(bytes[$1], at: offset + UInt64($1)) }
      }
      #expect(sum == expected)
      for cut in [0, 1, 2, 3, 4093, 4096, 9000] {
        let rest = arena.placeSum(whole.dropping(cut), at: offset + UInt64(cut))
        #expect(arena.placeSum(range(3, cut), at: offset) &+ rest == sum)
      }
    }
  }

  /// Slowly, from what is said of it in place_sum.c: journals hold such sums.
  private func placeSum(_ byte: UInt8, at place: UInt64) -> UInt64 {
    func factor(_ number: UInt64) -> UInt64 {
      var value = (number &+ 1) &* 0x9E37_79B9_7F4A_7C15
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      return value ^ (value >> 31) | 1
    }
    let word = UInt64(byte) << (8 * (place % 4))
    return word &* factor(~(place % 4096 / 4)) &* factor(place / 4096)
  }

  @Test func `a range outside of the arena traps`() async {
    await #expect(processExitsWith: .failure) {
      let arena = try Arena(byteCount: 4096)
      arena.withBytes(ArenaRange(offset: 4000, count: 97)) { _ in }
    }
  }

  /// A ring whose arena is cut into pieces of that many bytes.
  private static func divided(_ byteCount: Int, into piece: Int) throws(RingSetupError) -> Ring {
    var setup = RingSetup(arenaByteCount: byteCount)
    setup.bufferPlaces = byteCount / piece
    var ring = try Ring(setup)
    ring.divide(ring.arena.range, pieceByteCount: piece)
    return ring
  }

  @Test(needsRing) func `a piece is registered when it is first used, and only once`() throws {
    var ring = try Self.divided(64 << 10, into: 16 << 10)
    #expect(ring.registrationText == "registers up to 64 KiB of buffers")
    #expect(ring.registeredByteCount == 0)
    let ranges = [range(16 << 10, 100), range((32 << 10) - 1, 1), range(48 << 10, 16 << 10)]
    let counts = ranges.map { range in
      _ = ring.register(range)
      return ring.registeredByteCount
    }
    #expect(counts == [16 << 10, 16 << 10, 32 << 10])
    let isAcross = ring.register(range((16 << 10) - 1, 2))
    #expect(!isAcross, "a place is that of one piece")
    #expect(ring.registeredByteCount == 32 << 10)
  }

  @Test(needsRing, .enabled(if: isRoot, "needs root to become another user"))
  func `under a limit a part of the arena is registered and the rest still works`() async {
    await #expect(processExitsWith: .success) {
      becomeUser(lockedMemoryLimit: 8 << 20)
      var ring = try Self.divided(32 << 20, into: 1 << 20)
      let text = "registers up to 7680 KiB of 32 MiB of buffers: the locked-memory limit is 8 MiB"
      #expect(ring.registrationText == text)
      let files = Files()
      let (reader, writer) = try files.pipe()
      // In each piece, and across two.
      for offset in stride(from: 0, to: 31 << 20, by: 512 << 10) {
        let source = range(offset + (512 << 10) - 500, 1000)
        ring.fill(source, with: UInt8(offset >> 20))
        let sum = ring.arena.xxh3(source)
        let write = Operation.write(.descriptor(writer), from: source, at: nil)
        try #expect(ring.outcome(write) == .bytes(1000))
        let read = Operation.read(.descriptor(reader), into: range(0, 1000), at: nil)
        try #expect(ring.outcome(read) == .bytes(1000))
        #expect(ring.arena.xxh3(range(0, 1000)) == sum)
      }
      #expect(ring.registeredByteCount == 7 << 20)
    }
  }

  @Test(needsRing, .enabled(if: isRoot, "needs root to become another user"))
  func `what the user's other rings have locked is left to them, and room for one more`() async {
    await #expect(processExitsWith: .success) {
      func registerAll(_ ring: inout Ring) {
        for offset in stride(from: 0, to: ring.arena.byteCount, by: 256 << 10) {
          _ = ring.register(range(offset, 1))
        }
      }
      becomeUser(lockedMemoryLimit: 8 << 20)
      var first = try Self.divided(3 << 20, into: 256 << 10)
      registerAll(&first)
      #expect(first.registeredByteCount == 3 << 20)
      var second = try Self.divided(32 << 20, into: 256 << 10)
      registerAll(&second)
      #expect((3 << 20...9 << 19).contains(second.registeredByteCount))
      var third = try Self.divided(32 << 20, into: 256 << 10)
      #expect(third.completionEntries == 4096)
      try #expect(third.outcome(.nop) == .bytes(0))
    }
  }

  @Test(needsRing, .enabled(if: isRoot, "needs root to become another user"))
  func `what is given back for the others is not taken from what was just enqueued`() async {
    await #expect(processExitsWith: .success) {
      becomeUser(lockedMemoryLimit: 8 << 20)
      var first = try Self.divided(5 << 20, into: 256 << 10)
      for offset in stride(from: 0, to: 5 << 20, by: 256 << 10) {
        _ = first.register(range(offset, 1))
      }
      var second = try Self.divided(32 << 20, into: 256 << 10)
      let files = Files()
      let (reader, writer) = try files.pipe()
      // All in one submit; the kernel refuses one of them, when others are prepared already.
      for number in 0..<16 {
        second.fill(range(number * (256 << 10), 1), with: UInt8(number))
        second.start(
          .write(.descriptor(writer), from: range(number * (256 << 10), 1), at: nil),
          userData: UInt64(number)
        )
      }
      let done = try second.collect(16)
      #expect(second.registeredByteCount < 4 << 20, "one was refused")
      for number in 0..<16 { #expect(done[UInt64(number)]?.map(\.outcome) == [.bytes(1)]) }
      _ = reader
    }
  }

  @Test(needsRing, .enabled(if: isRoot, "needs root to become another user"))
  func `with almost no locked memory the ring shrinks and nothing is registered`() async {
    await #expect(processExitsWith: .success) {
      becomeUser(lockedMemoryLimit: 64 << 10)
      var ring = try Self.divided(4 << 20, into: 4096)
      // 1024 where the kernel charges rings (6.14 to 6.18 at least), else what was asked for.
      #expect(ring.completionEntries == 1024 || ring.completionEntries == 4096)
      #expect(ring.registrationText.hasPrefix("registers none of 4 MiB of buffers: the locked-"))
      let isRegistered = ring.register(range(0, 1))
      #expect(!isRegistered)
      #expect(ring.registeredByteCount == 0)
      try #expect(ring.outcome(.nop) == .bytes(0))
    }
  }

  @Test(needsRing, .enabled(if: isRoot, "needs root to become another user"))
  func `without any locked memory there is a ring or the limit is named`() async {
    await #expect(processExitsWith: .success) {
      becomeUser(lockedMemoryLimit: 0)
      do throws(RingSetupError) {
        // Kernels 5.12 to 6.13 do not charge the rings themselves.
        _ = try Ring(RingSetup(arenaByteCount: 4 << 20))
      } catch {
        #expect(error == .lockedMemoryLimit(limitBytes: 0))
        #expect(error.description.contains("ulimit -l"))
      }
    }
  }
}

/// Drops root for good, with a hard limit on locked memory and a lower soft one.
private func becomeUser(lockedMemoryLimit: rlim_t) {
  // A user of our own: what one locks counts for all of its processes, and for a while after them.
  let user = uid_t(200_000 + getpid())
  var limit = rlimit(rlim_cur: lockedMemoryLimit / 2, rlim_max: lockedMemoryLimit)
  let resource = __rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue)
  precondition(unsafe setrlimit(resource, &limit) == 0)
  precondition(setgid(user) == 0 && setuid(user) == 0)
}
