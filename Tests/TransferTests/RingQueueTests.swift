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

  @Test func `an empty queue gives nothing`() {
    var queue = RingQueue<Int>(capacity: 0)
    #expect(queue.isEmpty)
    #expect(queue.first == nil)
    #expect(queue.popFirst() == nil)
    #expect(queue[0] == nil)
  }
}
