//! Mutation testing of policies: each attached statement is changed in one place at a time, and some test must fail. A
//! mutant that no test kills is a gap in the suites; it is reported with a case that would kill it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::catalog::Catalog;
use crate::text::Lines;
use ram_policy::{
    ByPrincipal, Document, Effect, Layers, Mutant, Outline, PolicySet, PolicySetBuilder, Position, Principal, evaluate,
};

use super::cell::Cell;
use super::coverage::Share;
use super::environment::{Environment, TestedDocument};
use super::expected::Actual;
use super::run::{RunResults, TestFile, environments};
use super::suggestion::suggest_case;
use super::suite_file::Suite;
use super::test_result::Outcome;
use super::witness::{Holder, Seeds, witness};

/// The result of mutation testing.
#[derive(Clone, Debug, Default)]
pub struct Mutation {
    /// The number of mutants that some test killed.
    pub killed: usize,
    /// In the order of the policies' texts.
    pub survivors: Vec<Survivor>,
    /// Mutants for which no call with a different verdict was found. They do not count in the score.
    pub equivalent: Vec<Change>,
}

/// A mutant that no test killed.
#[derive(Clone, Debug)]
pub struct Survivor {
    pub change: Change,
    /// A `[[case]]` that would have killed it.
    pub case: String,
}

/// A change of a policy.
#[derive(Clone, Debug)]
pub struct Change {
    pub file: String,
    pub at: Position,
    /// The statement as `terway#0`.
    pub statement: String,
    pub effect: Effect,
    /// The change, as a text for people.
    pub what: String,
}

enum MutantOutcome {
    Killed,
    Survived(Survivor),
    Equivalent(Change),
}

/// A cell whose test passed, to be judged again under mutants.
struct Judgement<'a> {
    suite: &'a Suite,
    cell: &'a Cell,
}

/// One directory, and the cells that the suites judge in it.
struct MutationTarget<'a> {
    environment: &'a Environment,
    judgements: Vec<Judgement<'a>>,
    by_principal: ByPrincipal<Vec<usize>>,
    /// For each statement, the judgements whose action and ARN it matches.
    exercised: HashMap<usize, Vec<usize>>,
    /// The holders of each document, by the document's address.
    holders: HashMap<usize, Vec<(&'a Principal, &'a Arc<Layers>)>>,
    seeds: Seeds,
}

impl Mutation {
    /// The share of killed mutants among those that are not equivalent.
    pub fn score(&self) -> Share {
        Share { covered: self.killed, of: self.killed + self.survivors.len() }
    }
}

/// Mutates every attached statement, on this many threads. Only tests that passed can kill a mutant.
pub fn mutate(
    files: &[TestFile],
    ran: &RunResults,
    threads: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Mutation {
    let targets: Vec<MutationTarget<'_>> =
        environments(files).into_iter().map(|environment| MutationTarget::new(environment, files, ran)).collect();
    let mut mutants = Vec::new();
    for (number, target) in targets.iter().enumerate() {
        for tested in target.environment.documents.iter().filter(|tested| tested.attached) {
            mutants.extend(Mutant::all(&tested.document).into_iter().map(|mutant| (number, tested, mutant)));
        }
    }
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let worker = || {
        let mut sets = PolicySetBuilder::new(Catalog::bundled().indexed_actions());
        let mut outcomes = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((target, tested, mutant)) = mutants.get(number) else { break outcomes };
            outcomes.push((number, targets[*target].outcome_of(tested, mutant, &mut sets)));
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, mutants.len());
        }
    };
    let mut outcomes: Vec<(usize, MutantOutcome)> = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads.clamp(1, mutants.len().max(1))).map(|_| scope.spawn(worker)).collect();
        let own = worker();
        let others = workers.into_iter().flat_map(|worker| worker.join().expect("judging does not panic"));
        others.chain(own).collect()
    });
    outcomes.sort_unstable_by_key(|(number, _)| *number);
    let mut mutation = Mutation::default();
    for (_, outcome_of) in outcomes {
        match outcome_of {
            MutantOutcome::Killed => mutation.killed += 1,
            MutantOutcome::Survived(survivor) => mutation.survivors.push(survivor),
            MutantOutcome::Equivalent(change) => mutation.equivalent.push(change),
        }
    }
    mutation
}

impl<'a> MutationTarget<'a> {
    fn new(environment: &'a Environment, files: &'a [TestFile], ran: &RunResults) -> Self {
        let passed = ran.placed().filter(|(_, tested)| tested.outcome == Outcome::Pass);
        let passed = passed.filter_map(|(at, _)| match &files[at.file] {
            TestFile::Suite(suite) if std::ptr::eq(&*suite.environment, environment) => {
                Some(Judgement { suite, cell: &suite.cells[at.number] })
            }
            TestFile::Suite(_) | TestFile::Cases(_) => None,
        });
        let judgements: Vec<_> = passed.filter(|judgement| judgement.cell.call.is_ok()).collect();
        let (mut by_principal, mut exercised) = (ByPrincipal::<Vec<usize>>::default(), HashMap::<_, Vec<_>>::new());
        let mut seeds = Seeds::default();
        for (number, Judgement { cell, .. }) in judgements.iter().enumerate() {
            let Ok(question) = &cell.call else { continue };
            let Some(entry) = environment.pdp.directory().entry(question.principal()) else { continue };
            by_principal.entry(question.principal().clone()).or_default().push(number);
            let request = question.request();
            let mut statements = BTreeSet::new();
            for at in 0..request.resources.len() {
                let exercises = entry.layers.exercised(&request, at);
                statements.extend(exercises.iter().filter_map(|exercise| environment.number_of(exercise.at)));
            }
            for statement in statements {
                exercised.entry(statement).or_default().push(number);
            }
            seeds.add(cell);
        }
        let mut holders = HashMap::<usize, Vec<_>>::new();
        for (principal, entry) in environment.pdp.directory().principals() {
            let documents = entry.layers.sets().flat_map(|(_, _, set)| set.documents());
            let distinct: BTreeSet<usize> = documents.map(|document| Arc::as_ptr(document) as usize).collect();
            for document in distinct {
                holders.entry(document).or_default().push((principal, &entry.layers));
            }
        }
        Self { environment, judgements, by_principal, exercised, holders, seeds }
    }

    fn outcome_of(&self, tested: &TestedDocument, mutant: &Mutant, sets: &mut PolicySetBuilder) -> MutantOutcome {
        let address = Arc::as_ptr(&tested.document) as usize;
        let holders = self.holders.get(&address).map_or(&[][..], |holders| holders);
        let mut mutated = MutatedLayers::new(&tested.document, mutant, sets);
        for (principal, layers) in holders {
            let Some(judgements) = self.by_principal.get(*principal) else { continue };
            let changed = mutated.changed(layers);
            if self.order(judgements, tested, mutant).any(|number| self.judgements[number].kills(&changed)) {
                return MutantOutcome::Killed;
            }
        }
        const ENOUGH: usize = 4;
        let holders: Vec<Holder<'_>> = holders
            .iter()
            .take(ENOUGH)
            .map(|(principal, layers)| Holder {
                principal,
                original: layers,
                changed: mutated.changed(layers),
                groups: mutated.groups(layers),
            })
            .collect();
        let outline = Outline::new(&tested.source);
        let change = Change {
            file: tested.source.name().to_owned(),
            at: Lines::of(&tested.source).position(outline.span(&mutant.pointer()).start),
            statement: format!("{}#{}", tested.document.name(), mutant.original.index()),
            effect: mutant.original.effect(),
            what: mutant.to_string(),
        };
        match witness(self.environment, mutant, &holders, &self.seeds) {
            None => MutantOutcome::Equivalent(change),
            Some(witness) => {
                let case = suggest_case(&witness, &change, self.environment.pdp.directory().only_account().is_some());
                MutantOutcome::Survived(Survivor { change, case })
            }
        }
    }

    /// The judgements to try: first those that the statement matches; then all, if the mutant widens the statement. A
    /// mutant that does not widen it changes no other judgement.
    fn order<'s>(
        &'s self,
        judgements: &'s [usize],
        tested: &TestedDocument,
        mutant: &Mutant,
    ) -> impl Iterator<Item = usize> + 's {
        let first = self.environment.first_statement(&tested.document).map(|first| first + mutant.original.index());
        let about = first.and_then(|number| self.exercised.get(&number)).map_or(&[][..], |about| about);
        let own = about.iter().copied().filter(|number| judgements.binary_search(number).is_ok());
        let all = mutant.widens().then(|| judgements.iter().copied());
        own.chain(all.into_iter().flatten())
    }
}

impl Judgement<'_> {
    fn kills(&self, changed: &Arc<Layers>) -> bool {
        let Ok(question) = &self.cell.call else { return false };
        let request = question.request();
        let decision = evaluate(changed, &request);
        let denial = &self.suite.cases[self.cell.case].denial;
        let got = Actual::Judged { decision: &decision, request: &request, denial };
        self.cell.expected.difference(&got).is_some()
    }
}

impl Seeds {
    fn add(&mut self, cell: &Cell) {
        const MOST_CONTEXTS: usize = 4;
        self.regions.extend(cell.axes.region().map(str::to_owned));
        self.enis.extend(cell.axes.eni().map(str::to_owned));
        self.instances.extend(cell.axes.instance().map(str::to_owned));
        if let Ok(question) = &cell.call
            && self.contexts.len() < MOST_CONTEXTS
            && !self.contexts.contains(question.context())
        {
            self.contexts.push(question.context().clone());
        }
    }
}

/// Builds layers with one document changed. A set that several principals share is built once.
struct MutatedLayers<'s> {
    original: &'s Arc<Document>,
    changed: Arc<Document>,
    sets: &'s mut PolicySetBuilder,
    made: HashMap<usize, Arc<PolicySet>>,
}

impl<'s> MutatedLayers<'s> {
    fn new(original: &'s Arc<Document>, mutant: &Mutant, sets: &'s mut PolicySetBuilder) -> Self {
        Self { original, changed: Arc::new(mutant.of_document(original)), sets, made: HashMap::new() }
    }

    fn has(&self, set: &PolicySet) -> bool {
        set.documents().iter().any(|document| Arc::ptr_eq(document, self.original))
    }

    fn changed(&mut self, layers: &Layers) -> Arc<Layers> {
        let change = |set: &Arc<PolicySet>| {
            if !self.has(set) {
                return Arc::clone(set);
            }
            let again = |document: &Arc<Document>| {
                let it = if Arc::ptr_eq(document, self.original) { &self.changed } else { document };
                Arc::clone(it)
            };
            let key = Arc::as_ptr(set) as usize;
            if let Some(made) = self.made.get(&key) {
                return Arc::clone(made);
            }
            let made = self.sets.set(set.to().clone(), set.documents().iter().map(again).collect());
            self.made.insert(key, Arc::clone(&made));
            made
        };
        Arc::new(layers.map(change))
    }

    /// The resource groups in which the document is attached.
    fn groups(&self, layers: &Layers) -> Vec<Arc<str>> {
        let scoped = layers.resource_groups().iter().filter(|scoped| self.has(&scoped.set));
        scoped.map(|scoped| Arc::clone(&scoped.resource_group)).collect()
    }
}
