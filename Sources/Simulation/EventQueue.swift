import Transfer

/// What the world will do at a later moment.
enum WorldEvent {
  /// A process is started.
  case start(node: Int)
  /// A process runs one turn of its loop.
  case turn(node: Int)
  /// The kernel lets a process see a completion.
  case ready(node: Int, Completion)
  /// A segment has left the sender's host.
  case segmentLeft(connection: Int, direction: Int, byteCount: Int, epoch: Int)
  /// A segment reaches the other host.
  case segmentArrived(connection: Int, direction: Int, byteCount: Int, epoch: Int)
  /// The acknowledgement of what has arrived reaches the sender's host, where links are shared.
  case acknowledged(connection: Int, direction: Int, count: Int)
  /// The use of the links is looked at.
  case sample
  /// TCP tries again to send what is waiting.
  case transmit(connection: Int, direction: Int)
  /// A SYN, or its repetition, reaches the listener's host.
  case knock(connection: Int, attempt: Int)
  /// The answer to the SYN reaches the dialler.
  case established(connection: Int)
  /// A reset reaches one side.
  case resetArrived(connection: Int, side: Int)
  /// The input or the output may go on.
  case endpoint(node: Int)
  /// A command at one end of the stream ends.
  case command(node: Int, Event.Result)
  /// A fault of the plan begins.
  case fault(Int)
  /// A link comes back.
  case linkReturns(Int)
  /// A stranger takes its next step.
  case stranger(Int, step: Int)
  /// All faults end.
  case heal
  /// What is left is ended as a user would: by a signal.
  case interrupt(node: Int)
}

/// A binary heap by time; events of one moment keep the order in which they were added.
struct EventQueue {
  private struct Entry {
    var time: Int64
    var order: UInt64
    var event: WorldEvent

    static func < (left: Entry, right: Entry) -> Bool {
      left.time < right.time || left.time == right.time && left.order < right.order
    }
  }

  private var heap: [Entry] = []
  private var nextOrder: UInt64 = 0

  var isEmpty: Bool { heap.isEmpty }

  mutating func add(_ event: WorldEvent, at time: Int64) {
    heap.append(Entry(time: time, order: nextOrder, event: event))
    nextOrder += 1
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child] < heap[parent] else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func next() -> (time: Int64, event: WorldEvent)? {
    guard let last = heap.popLast() else { return nil }
    guard let first = heap.first else { return (last.time, last.event) }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child] < heap[least] {
        least = child
      }
      guard least != parent else { break }
      heap.swapAt(parent, least)
      parent = least
    }
    return (first.time, first.event)
  }
}
