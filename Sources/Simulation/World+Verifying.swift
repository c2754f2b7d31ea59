import Transfer
import Wire

/// What stands for the sum of the real driver: of two pieces it is the sum of both.
enum PlaceSum {
  /// Each byte times an odd number of its place, so that no single byte can change unseen.
  static func of(_ bytes: [UInt8], _ range: Range<Int>, at offset: UInt64) -> UInt64 {
    let span = bytes.span
    var sum: UInt64 = 0
    // A plain loop, for the sake of debug builds.
    var index = range.lowerBound
    while index < range.upperBound {
      let place = offset &+ UInt64(index &- range.lowerBound)
      sum &+= UInt64(span[index]) &* (place &* 0x9E37_79B9_7F4A_7C15 | 1)
      index &+= 1
    }
    return sum
  }
}

extension Plan {
  /// Outputs that are read back, and disks that do not keep what was written.
  mutating func drawVerifying(_ random: inout SplitMix64) {
    guard isPositional[1], random.chance(0.5) else { return }
    verifies = true
    outputHasHoles = random.chance(0.5)
    missesSum = resumedOffset != nil && !changedSource && !hasEnd && random.chance(0.05)
    guard streamByteCount > 0, random.chance(0.25) else { return }
    if random.chance(0.2) {
      readBackFailsAt = random.int(0...(streamByteCount - 1))
    } else {
      damage = random.int(0...(streamByteCount - 1))
      isDamageLate = random.chance(0.5) || damage ?? 0 < resumedOffset ?? 0
    }
  }
}

// An output that is read back.
extension World {
  func sum(_ n: Int, _ slot: SlotID, _ range: Range<Int>, at offset: UInt64) -> Event {
    let start = slotStart(n, slot) + range.lowerBound
    let sum = PlaceSum.of(nodes[n].arena, start..<start + range.count, at: offset)
    return .didSum(slot, at: offset, sum)
  }

  mutating func readBack(_ n: Int) {
    guard n == 1, plan.verifies, output.isSynchronized, output.pending.isEmpty else {
      return fail("\(name(n)) reads back what it should not, or what is not on the disk")
    }
    marks.reach(.readBack)
    output.wasRead = [Bool](repeating: false, count: input.content.count)
  }

  /// What is in a file's holes is zeros without a look at the disk.
  mutating func locateInOutput(_ offset: UInt64) {
    guard plan.outputHasHoles, offset < output.bytes.count, !output.wasRead.isEmpty else {
      return fail("the receiver asks where data are, of an output that cannot tell")
    }
    var start = Int(offset)
    while start < output.bytes.count, output.bytes[start] == 0 { start += 1 }
    var end = start
    while end < output.bytes.count, output.bytes[end] != 0 || end % 64 != 0 { end += 1 }
    look(at: Int(offset)..<start)
    answer(1, .didLocate(from: offset, data: UInt64(start)..<UInt64(end)))
  }

  mutating func readOutput(
    _ token: OperationToken,
    _ slot: SlotID,
    _ range: Range<Int>,
    at offset: UInt64?
  ) {
    guard let offset, !output.wasRead.isEmpty, output.reads.count < Limits.readsInFlight,
      !range.isEmpty, range.upperBound <= nodes[1].geometry?.frameByteCount ?? 0
    else { return fail("the receiver reads what it has written before its time, or too much") }
    let use = nodes[1].uses[slot.index]
    guard use.readers == 0, use.writers == 0 else {
      return fail("the receiver reads into slot \(slot.index), which the kernel uses")
    }
    nodes[1].uses[slot.index].writers += 1
    output.reads.append(
      VirtualInput.Read(token: token, slot: slot, range: range, offset: Int(offset))
    )
    after(Int64(random.magnitude(1000...1_000_000)), .endpoint(node: 1))
  }

  mutating func serveReadBack() {
    guard !output.reads.isEmpty, now >= output.readyAt else { return }
    let read = output.reads.remove(at: random.int(0...(output.reads.count - 1)))
    let offset = read.offset ?? 0
    var byteCount = max(min(read.range.count, output.bytes.count - offset), 0)
    if byteCount > 1, random.chance(plan.shortRead) { byteCount = random.int(1...byteCount) }
    var result = Event.Result.done(byteCount)
    if let place = plan.readBackFailsAt, (offset..<offset + byteCount).contains(place) {
      marks.reach(.readBackFailure)
      ledger.excuse("the output cannot be read")
      result = .failed(Failure(.other, code: 5))
    } else {
      let from = slotStart(1, read.slot) + read.range.lowerBound
      nodes[1].arena.replaceSubrange(
        from..<(from + byteCount),
        with: output.bytes[offset..<(offset + byteCount)]
      )
      look(at: offset..<offset + byteCount)
    }
    complete(
      1,
      Completion(
        event: .completed(read.token, result, releaseFollows: false),
        ends: .read,
        slot: read.slot
      )
    )
  }

  private mutating func look(at range: Range<Int>) {
    for place in range { output.wasRead[place] = true }
    guard let place = plan.damage, range.contains(place), output.isDamaged else { return }
    marks.reach(.damagedOutput)
    output.sawDamage = true
    ledger.excuse("the disk did not keep what was written")
  }

  /// A byte on the disk changes behind the back of whoever wrote it.
  mutating func damageOutput(isLate: Bool) {
    guard let place = plan.damage, !output.isDamaged, plan.isDamageLate == isLate,
      output.isWritten[place]
    else { return }
    output.isDamaged = true
    output.bytes[place] ^= UInt8(random.int(1...255))
  }

  mutating func publish(_ n: Int, _ token: OperationToken) {
    guard n == 1, output.isSynchronized, !output.isPublished else {
      return fail("\(name(n)) publishes what is not on the disk, or twice")
    }
    guard !plan.verifies || output.wasRead.count == input.content.count,
      output.wasRead.allSatisfy({ $0 }), !output.sawDamage
    else { return fail("what was not read back, or was wrong, gets its name") }
    // Whoever is killed now finds it by its journal; of a stream nothing is noted.
    if plan.isPositional[0], plan.isPositional[1], output.notedOffset != output.durableOffset {
      return fail("the output gets its name before the journal knows all of it")
    }
    output.isPublished = true
    // The driver does it, and does not wait for anything: the answer comes within the turn.
    let event = Event.completed(token, .done(0), releaseFollows: false)
    nodes[n].session.handle(event, control: Span(), at: Instant(nanoseconds: now))
  }
}
