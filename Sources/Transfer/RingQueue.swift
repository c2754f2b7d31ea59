/// A queue of fixed capacity: frames waiting for a connection, or sent and not yet acknowledged.
struct RingQueue<Element> {
  private var storage: [Element?]
  private var head = 0
  /// How many elements wait.
  private(set) var count = 0

  /// A queue for at most `capacity` elements.
  init(capacity: Int) { storage = Array(repeating: nil, count: max(capacity, 1)) }

  var isEmpty: Bool { count == 0 }
  var isFull: Bool { count == storage.count }

  /// The next element to leave.
  var first: Element? { count == 0 ? nil : storage[head] }

  /// Adds at the end.
  ///
  /// - Precondition: the queue is not full; callers size it so that it cannot be.
  mutating func append(_ element: Element) {
    precondition(!isFull, "ring queue is full")
    storage[(head + count) % storage.count] = element
    count += 1
  }

  /// Adds in front of those at the end that belong behind it.
  ///
  /// - Precondition: the queue is not full; callers size it so that it cannot be.
  /// - Complexity: O(n) in how many those are.
  mutating func insert(_ element: Element, before isBehind: (Element) -> Bool) {
    append(element)
    var place = count - 1
    while place > 0, let other = self[place - 1], isBehind(other) {
      storage[(head + place) % storage.count] = other
      place -= 1
    }
    storage[(head + place) % storage.count] = element
  }

  /// Removes from the front.
  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = storage[head]
    storage[head] = nil
    head = (head + 1) % storage.count
    count -= 1
    return element
  }

  /// The element `distance` places from the front, 0..<count.
  subscript(distance: Int) -> Element? {
    distance < count ? storage[(head + distance) % storage.count] : nil
  }
}
