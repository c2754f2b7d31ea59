// Goal: it is foreseen how far connections fill links, and which of them do not matter. Method: links
// and pairs of them. A failure here means: links stay idle although another choice would fill them.
import Testing
import Wire

@testable import Transfer

@Suite struct ForecastTests {
  private func links(_ megabits: [Int]) -> [LinkStatus] {
    megabits.enumerated().map { index, speed in
      LinkStatus(
        name: "l\(index)",
        receivedByteCount: 0,
        sentByteCount: 0,
        bitsPerSecond: UInt64(speed) * 1_000_000,
        connectionCount: 0
      )
    }
  }

  private func crossings(_ pairs: [(Int, Int)]) -> [Spread.Crossing] {
    pairs.map { Spread.Crossing(local: $0.0, remote: $0.1) }
  }

  @Test func `two connections on each of equal links fill them`() {
    let forecast = Forecast(local: links([1000, 1000]), remote: links([1000, 1000]))
    let use = forecast.use(of: crossings([(0, 0), (0, 1), (1, 0), (1, 1)]))
    #expect(use.total == 2_000_000)
    #expect(forecast.possible == 2_000_000)
  }

  @Test func `what a connection cannot use the others on its link get`() {
    let forecast = Forecast(local: links([1000]), remote: links([100, 1000]))
    #expect(forecast.use(of: crossings([(0, 0), (0, 1)])).rates == [100_000, 900_000])
  }

  @Test func `a link that no connection crosses carries nothing`() {
    let forecast = Forecast(local: links([1000, 1000]), remote: links([1000, 1000]))
    let use = forecast.use(of: crossings([(0, 0), (1, 0)]))
    #expect(use.total == 1_000_000)
    #expect(use.localSpare == [500_000, 500_000])
  }

  @Test func `connections whose links are unknown count for nothing`() {
    let forecast = Forecast(local: links([1000, 1000]), remote: links([1000]))
    let unknown = Spread.Crossing(local: nil, remote: 0)
    #expect(forecast.use(of: [unknown]).rates == [0])
    #expect(forecast.fewest(of: [unknown]).isEmpty)
  }

  @Test func `whoever leaves another less than its part has a part himself`() {
    // Both go to the same link there; the first could go elsewhere as well, the second cannot.
    let forecast = Forecast(local: links([2000, 500]), remote: links([1000, 5000]))
    let all = crossings([(0, 0), (1, 0), (0, 1)])
    func parts(_ carried: [Int64]) -> [Int64?] { forecast.parts(of: all, carrying: carried) }
    #expect(parts([900_000, 100_000, 1_100_000]) == [500_000, 500_000, 1_500_000])
    #expect(parts([510_000, 490_000, 1_400_000]) == [nil, nil, nil], "nobody lacks anything")
    #expect(parts([700_000, 100_000, 1_000_000]) == [nil, nil, nil], "no link is full")
    let unknown = Spread.Crossing(local: nil, remote: 0)
    #expect(forecast.parts(of: [unknown], carrying: [1_000_000]) == [nil])
  }

  @Test func `of many on a slow link one is kept, on a fast one two`() {
    let forecast = Forecast(local: links([1000, 10]), remote: links([1000, 10]))
    let pairs = [(1, 1), (0, 0), (1, 1), (0, 0), (1, 1), (0, 0)]
    let kept = forecast.fewest(of: crossings(pairs))
    #expect(kept.count { pairs[$0] == (0, 0) } == 2)
    #expect(kept.count { pairs[$0] == (1, 1) } == 1)
  }

  @Test func `links of unknown speed are as fast as those at the other end`() {
    let forecast = Forecast(local: links([0, 0]), remote: links([1000]))
    #expect(forecast.possible == 1_000_000)
    #expect(Forecast(local: links([0, 1000]), remote: links([0])).possible == 2_000_000)
  }
}
