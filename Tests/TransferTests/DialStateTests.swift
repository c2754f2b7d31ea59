import Testing

@testable import Transfer

@Suite struct DialStateTests {
  @Test func `what the peer gives back is kept up no more, down to the last connection`() {
    let now = Instant(nanoseconds: 0)
    var state = DialState(targetCount: 1, askedCount: nil, limit: 64, giveUpAt: now, at: now)
    state.use([Lane(target: 0, link: 0), Lane(target: 0, link: 1)], isPreferring: false, at: now)
    #expect(state.groups.map(\.quota) == [2, 2])
    for _ in 0..<3 { state.didGetBack(0) }
    #expect(state.groups.map(\.quota) == [0, 2])
    for _ in 0..<3 { state.didGetBack(1) }
    #expect(state.groups.map(\.quota) == [0, 1])
  }
}
