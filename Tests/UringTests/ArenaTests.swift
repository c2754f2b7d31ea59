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

  @Test(needsRing) func `without a limit all of the arena is registered`() throws {
    var setup = RingSetup(arenaByteCount: 64 << 10)
    setup.registeredByteCount = setup.arenaByteCount
    try withRing(setup) { ring, _ in
      #expect(ring.registeredByteCount == 64 << 10)
      #expect(ring.registrationText == "registered all 64 KiB of buffers")
    }
  }

  @Test(needsRing, .enabled(if: isRoot, "needs root to become another user"))
  func `under a limit a part of the arena is registered and the rest still works`() async {
    await #expect(processExitsWith: .success) {
      becomeUser(lockedMemoryLimit: 8 << 20)
      var ring = try Ring(RingSetup(arenaByteCount: 32 << 20))
      #expect(ring.registeredByteCount == 7680 << 10)
      let text = "registered 7680 KiB of 32 MiB: the locked-memory limit is 8 MiB"
      #expect(ring.registrationText == text)
      // Across the border of the registered part, and beyond it.
      let files = Files()
      let (reader, writer) = try files.pipe()
      for offset in [(7680 << 10) - 100, 20 << 20] {
        ring.fill(range(offset, 1000), with: UInt8(offset & 7))
        let write = Operation.write(.descriptor(writer), from: range(offset, 1000), at: nil)
        try #expect(ring.outcome(write) == .bytes(1000))
        let read = Operation.read(.descriptor(reader), into: range(0, 1000), at: nil)
        try #expect(ring.outcome(read) == .bytes(1000))
        #expect(ring.arena.xxh3(range(0, 1000)) == ring.arena.xxh3(range(offset, 1000)))
      }
    }
  }

  @Test(needsRing, .enabled(if: isRoot, "needs root to become another user"))
  func `what the user's other rings have locked is left to them, and room for one more`() async {
    await #expect(processExitsWith: .success) {
      becomeUser(lockedMemoryLimit: 8 << 20)
      let first = try Ring(RingSetup(arenaByteCount: 3 << 20))
      #expect(first.registeredByteCount == 3 << 20)
      let second = try Ring(RingSetup(arenaByteCount: 32 << 20))
      #expect((3 << 20...5 << 20).contains(second.registeredByteCount))
      var third = try Ring(RingSetup(arenaByteCount: 32 << 20))
      #expect(third.registeredByteCount == 0)
      #expect(third.completionEntries == 4096)
      try #expect(third.outcome(.nop) == .bytes(0))
    }
  }

  @Test(needsRing, .enabled(if: isRoot, "needs root to become another user"))
  func `with almost no locked memory the ring shrinks and nothing is registered`() async {
    await #expect(processExitsWith: .success) {
      becomeUser(lockedMemoryLimit: 64 << 10)
      var ring = try Ring(RingSetup(arenaByteCount: 4 << 20))
      // 1024 where the kernel charges rings (6.14 to 6.18 at least), else what was asked for.
      #expect(ring.completionEntries == 1024 || ring.completionEntries == 4096)
      #expect(ring.registeredByteCount == 0)
      #expect(ring.registrationText.hasPrefix("registered none of 4 MiB: "))
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
