import Testing

@testable import Transfer

@Suite struct InFlightTableTests {
  @Test func `a token ends once, and its second completion is stale`() {
    var table = InFlightTable(connectionCount: 1)
    let token = table.begin(.read)
    #expect(table.purpose(of: token) == .read)
    #expect(table.count == 1)
    #expect(table.end(token) == .read)
    #expect(table.end(token) == nil)
    #expect(table.staleCount == 1)
    #expect(table.count == 0)
  }

  @Test func `a token of an earlier use of its place is stale`() {
    var table = InFlightTable(connectionCount: 1)
    let first = table.begin(.read)
    _ = table.end(first)
    let second = table.begin(.write)
    #expect(second.index == first.index)
    #expect(table.purpose(of: first) == nil)
    #expect(table.end(first) == nil)
    #expect(table.purpose(of: second) == .write)
  }

  @Test func `a token that nobody gave is stale, not a trap`() {
    var table = InFlightTable(connectionCount: 1)
    for bits in [0, 1, UInt64.max, 0xFFFF, 1 << 16] {
      #expect(table.end(OperationToken(rawValue: bits)) == nil)
    }
  }

  @Test func `a released send keeps its place until the notification`() {
    var table = InFlightTable(connectionCount: 1)
    let id = ConnectionID(3)
    let token = table.begin(.send(id))
    _ = table.end(token)
    table.awaitRelease(token, of: SlotID(5), on: id, serial: 9)
    #expect(table.count == 1)
    let others = (0..<5).map { _ in table.begin(.read) }
    #expect(!others.contains { $0.index == token.index })
    #expect(table.end(token) == .release(SlotID(5), id, serial: 9))
  }

  @Test func `there is room for all that can be in flight`() {
    var table = InFlightTable(connectionCount: Limits.connectionTableSize)
    table.makeRoom(slotCount: Limits.slotCountMaximum)
    let room =
      Limits.connectionTableSize * 2 + 4 + Limits.slotCountMaximum * Limits.copiesPerFrame
    let tokens = (0..<room).map { _ in table.begin(.read) }
    #expect(Set(tokens).count == room)
    #expect(tokens.allSatisfy { table.purpose(of: $0) == .read })
  }
}
