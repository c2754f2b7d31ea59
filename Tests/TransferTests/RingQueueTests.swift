import Testing

@testable import Transfer

@Suite struct RingQueueTests {
  @Test func `elements leave in the order in which they came, across the end of the storage`() {
    var queue = RingQueue<Int>(capacity: 3)
    var expected: [Int] = []
    for round in 0..<20 {
      while !queue.isFull {
        queue.append(round * 10 + queue.count)
        expected.append(round * 10 + queue.count - 1)
      }
      for distance in 0..<queue.count { #expect(queue[distance] == expected[distance]) }
      for _ in 0...(round % 3) {
        #expect(queue.first == expected.first)
        #expect(queue.popFirst() == expected.removeFirst())
      }
    }
  }

  @Test func `an element goes in front of those that belong behind it`() {
    var queue = RingQueue<Int>(capacity: 5)
    // Across the end of the storage.
    for _ in 0..<4 { queue.append(0) }
    for _ in 0..<4 { _ = queue.popFirst() }
    for element in [4, 1, 5, 3, 2] { queue.insert(element) { $0 > element } }
    #expect((0..<5).map { queue[$0] } == [1, 2, 3, 4, 5])
  }

  @Test func `an empty queue gives nothing`() {
    var queue = RingQueue<Int>(capacity: 0)
    #expect(queue.isEmpty)
    #expect(queue.first == nil)
    #expect(queue.popFirst() == nil)
    #expect(queue[0] == nil)
  }
}
