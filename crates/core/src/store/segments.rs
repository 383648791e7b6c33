//! The order of entries under W-TinyLFU, for a cache in miniature.

use super::slab::NONE;

/// Sentinels of the three lists stand before the nodes.
const SENTINELS: usize = 3;

/// Of main, the part in tenths that is for entries that were used again there (SLRU).
const PROTECTED_TENTHS: u32 = 8;

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segment {
    /// Newcomers, in order of use.
    Window = 0,
    /// The part of main that is left first.
    Probation = 1,
    /// What was used again in main.
    Protected = 2,
    /// In none.
    Absent = 3,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    older: usize,
    newer: usize,
    cost: u32,
    segment: Segment,
}

/// A window of newcomers in order of use, and main as two such lists (Einziger, Friedman and Manes,
/// ACM TOS 2017). Who leaves is the caller's to decide. A window of the whole capacity is plain LRU.
///
/// Nodes are small integers. The rules are those of `src/cache/segmented-queue.ts`.
#[derive(Debug)]
pub(super) struct Segments {
    nodes: Vec<Node>,
    /// What each segment holds, in units of cost.
    held: [u32; SENTINELS],
    window_cost: u32,
    protected_cost: u32,
}

impl Segments {
    /// Of `capacity` units of cost, `window_cost` are the window's.
    pub(super) fn new(capacity: u32, window_cost: u32) -> Self {
        let sentinel = |at| Node {
            older: at,
            newer: at,
            cost: 0,
            segment: Segment::Absent,
        };
        Self {
            nodes: (0..SENTINELS).map(sentinel).collect(),
            held: [0; SENTINELS],
            window_cost,
            protected_cost: (capacity - window_cost) / 10 * PROTECTED_TENTHS,
        }
    }

    /// What all of it holds, in units of cost.
    pub(super) fn cost(&self) -> u32 {
        self.held.iter().sum()
    }

    pub(super) fn has(&self, node: u32) -> bool {
        self.nodes
            .get(at(node))
            .is_some_and(|node| node.segment != Segment::Absent)
    }

    /// A new entry; it passes the window by where it is larger than that. Returns the one that has just
    /// left the window, the newest of main.
    pub(super) fn enter(&mut self, node: u32, cost: u32) -> Option<u32> {
        while at(node) >= self.nodes.len() {
            let at = self.nodes.len();
            self.nodes.push(Node {
                older: at,
                newer: at,
                cost: 0,
                segment: Segment::Absent,
            });
        }
        self.nodes[at(node)].cost = cost;
        if cost > self.window_cost {
            self.link(Segment::Probation, at(node));
            return Some(node);
        }
        self.link(Segment::Window, at(node));
        let mut last = None;
        while self.held[Segment::Window as usize] > self.window_cost {
            last = self.oldest(Segment::Window);
            self.push(last, Segment::Probation);
        }
        last
    }

    /// An entry was used: it is the newest of its segment, and of protected if it was in probation.
    pub(super) fn touch(&mut self, node: u32) {
        match self.nodes[at(node)].segment {
            Segment::Probation if self.protected_cost > 0 => {
                self.push(Some(node), Segment::Protected);
                while self.held[Segment::Protected as usize] > self.protected_cost {
                    self.push(self.oldest(Segment::Protected), Segment::Probation);
                }
            }
            segment => self.push(Some(node), segment),
        }
    }

    pub(super) fn remove(&mut self, node: u32) {
        self.unlink(at(node));
        self.nodes[at(node)].segment = Segment::Absent;
    }

    /// Who leaves next for `candidate`, main's least used; none where main has no other.
    pub(super) fn victim(&self, candidate: Option<u32>) -> Option<u32> {
        let mut victim = self.oldest(Segment::Probation);
        if victim.is_some() && victim == candidate {
            victim = victim.and_then(|node| self.newer_than(node));
        }
        let main = victim.or_else(|| self.oldest(Segment::Protected));
        match candidate {
            Some(_) => main,
            None => main.or_else(|| self.oldest(Segment::Window)),
        }
    }

    fn oldest(&self, segment: Segment) -> Option<u32> {
        node_at(self.nodes[segment as usize].newer)
    }

    fn newer_than(&self, node: u32) -> Option<u32> {
        node_at(self.nodes[at(node)].newer)
    }

    fn push(&mut self, node: Option<u32>, segment: Segment) {
        let Some(node) = node else { return };
        self.unlink(at(node));
        self.link(segment, at(node));
    }

    /// As the newest: the sentinel's older neighbour.
    fn link(&mut self, segment: Segment, at: usize) {
        let sentinel = segment as usize;
        let newest = std::mem::replace(&mut self.nodes[sentinel].older, at);
        self.nodes[newest].newer = at;
        let node = &mut self.nodes[at];
        (node.older, node.newer, node.segment) = (newest, sentinel, segment);
        self.held[sentinel] += node.cost;
    }

    fn unlink(&mut self, at: usize) {
        let Node {
            older,
            newer,
            cost,
            segment,
        } = self.nodes[at];
        self.nodes[older].newer = newer;
        self.nodes[newer].older = older;
        self.held[segment as usize] -= cost;
    }
}

/// Where a node stands among the sentinels and nodes.
fn at(node: u32) -> usize {
    node as usize + SENTINELS
}

/// The node that stands there; none for a sentinel.
fn node_at(at: usize) -> Option<u32> {
    let node = at.checked_sub(SENTINELS)?;
    Some(u32::try_from(node).unwrap_or(NONE))
}

#[cfg(test)]
mod tests {
    use super::Segments;

    fn leave(segments: &mut Segments, candidate: Option<u32>) -> Option<u32> {
        let victim = segments.victim(candidate);
        if let Some(victim) = victim {
            segments.remove(victim);
        }
        victim
    }

    #[test]
    fn with_a_window_of_all_are_in_order_of_use() {
        let mut segments = Segments::new(3, 3);
        for node in 0..3 {
            assert_eq!(segments.enter(node, 1), None);
        }
        segments.touch(0);
        assert_eq!(segments.enter(3, 1), Some(1));
        assert_eq!(leave(&mut segments, None), Some(1));
        assert_eq!(segments.cost(), 3);
        let rest: Vec<_> = std::iter::from_fn(|| leave(&mut segments, None)).collect();
        assert_eq!(rest, [2, 0, 3]);
    }

    #[test]
    fn keep_what_was_used_again_in_main_longest() {
        let mut segments = Segments::new(20, 2);
        for node in 0..10 {
            segments.enter(node, 1);
        }
        segments.touch(0);
        assert_eq!(leave(&mut segments, Some(1)), Some(2));
        assert!(segments.has(0) && segments.has(1) && !segments.has(2));
        let rest: Vec<_> = std::iter::from_fn(|| leave(&mut segments, None)).collect();
        assert_eq!(rest, [1, 3, 4, 5, 6, 7, 0, 8, 9]);
        assert_eq!(segments.cost(), 0);
    }

    #[test]
    fn pass_the_window_by_for_what_is_larger() {
        let mut segments = Segments::new(20, 2);
        assert_eq!(segments.enter(0, 3), Some(0));
        assert_eq!(segments.victim(Some(0)), None);
        assert_eq!(segments.victim(None), Some(0));
    }
}
