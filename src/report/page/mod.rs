//! A comparison as one HTML page: no script, no network, nothing beside it. It reads on a phone, in print, in black and
//! white and aloud: landmarks, headings in order, tables with captions and scopes, pictures with a text of their own.

mod html;
mod tables;

use super::notes::{fluid_error, resizing};
use super::number::{counted, significant};
use crate::eval::gates::Verdict;
use crate::eval::stress::Robustness;
use crate::eval::{Results, Summary};
use html::{Cells, escape, list, section, table};

/// What the page says.
#[derive(Debug)]
pub struct Page<'a> {
    /// The recommendation.
    pub decision: &'a str,
    /// Sentences on each policy that was judged.
    pub verdict: &'a str,
    /// The policies' figures.
    pub summaries: &'a [Summary],
    /// The policies, with what each is.
    pub policies: &'a [(String, String)],
    /// Policies that have learned or chosen on part of the test time, each with the trace.
    pub seen: &'a [(String, String)],
    /// All runs.
    pub results: &'a Results,
    /// The policy that is shown beside the tuned static HPA, when there is one.
    pub rival: Option<&'a str>,
    /// Hours of test time of a function, in the mean.
    pub hours: f64,
    /// Levels of the runs, and of searches and the optimum.
    pub levels: (&'a str, &'a str),
    /// The share of requests that may be late or lost, 0 to 1.
    pub allowed: f64,
    /// Whether starts of pods have a price.
    pub priced_starts: bool,
    /// Policies under strain; none when that was not asked for.
    pub robustness: &'a [Robustness],
    /// Gates and what became of them.
    pub gates: &'a [Verdict],
    /// What searching and learning took, by policy.
    pub budgets: &'a [(String, String)],
    /// The pictures.
    pub pictures: Vec<Picture>,
    /// How to make it again.
    pub origin: Origin<'a>,
}

/// A picture of the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Where it belongs.
    pub place: Place,
    /// The picture as SVG.
    pub svg: String,
    /// What it shows, for those who do not see it.
    pub text: String,
}

/// A section with pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Cost against late requests.
    Front,
    /// Performance profile.
    Profile,
    /// The gap closed, function by function.
    Gaps,
    /// Timelines.
    Timelines,
    /// What the policies do by load and hour.
    Map,
    /// The heat map of strains.
    Robustness,
}

/// How to make the page again.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The tool and its version.
    pub tool: &'a str,
    /// The command.
    pub command: &'a str,
    /// Hash of the experiment's settings.
    pub config_hash: &'a str,
    /// Files by name and SHA-256.
    pub files: &'a [(String, String)],
}

/// What the columns of how policies decide mean, a sentence each.
const DECIDING: &str = "<p>Learned policies alone, over the runs in which they fly. Entropy: how undecided the policy is between its choices, \
     all knobs together; 0 is one choice for sure, and where it says numbers it may lie below 0. Masked: share of choices that \
     it may not take, because bounds make them the same as others or a cool-down lasts. Overridden: share of decisions in \
     which something else was done than it chose, because its safety critic held that for unsafe or bounds cut it. Learned \
     away: how far learning has led its choices from leaving the start as it is (Kullback–Leibler divergence); 0 is not at \
     all.</p>";

impl Page<'_> {
    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        let sections = [
            self.compared(),
            self.figures(),
            self.standing(),
            self.deciding(),
            self.pictured("front", "Cost against late requests", Place::Front),
            self.pictured("profile", "How often, and by how much", Place::Profile),
            self.gaps(),
            self.pictured("timelines", "The best and the worst function over time", Place::Timelines),
            self.pictured("map", "What it does, by load and hour", Place::Map),
            self.robustness(),
            self.gates(),
            self.origin(),
        ];
        html::document("Which autoscaler to use", &self.head(), &sections.concat())
    }

    fn head(&self) -> String {
        let verdict: String = self.verdict.lines().map(|line| format!("<p>{}</p>", escape(line))).collect();
        format!("<p class=\"decision\"><strong>{}</strong></p>{verdict}", escape(self.decision))
    }

    fn compared(&self) -> String {
        let (level, search) = self.levels;
        let mut lines = vec![
            format!(
                "{} × {}, {} hours of test time each. {} Checkpoints of learned policies are chosen on validation time, \
                 which lies between, and where none was set apart on training time.",
                counted(self.results.tasks, "function"),
                counted(self.results.seeds.len(), "seed"),
                significant(self.hours, 3),
                self.unseen()
            ),
            format!("Level of the runs: {level}; of searches and the optimum: {search}."),
            "Intervals are of 95 %, from a bootstrap over functions, then seeds, with 10,000 resamples. Every policy \
             meets the same arrivals and start-up times."
                .to_owned(),
            format!(
                "The objective is reserved pod-hours plus the price of late or lost requests{}: what search and learning \
                 minimise.",
                if self.priced_starts { " and of pod starts" } else { "" }
            ),
        ];
        lines.extend(resizing(self.summaries));
        lines.extend(fluid_error(self.summaries));
        lines.extend(self.budgets.iter().map(|(policy, budget)| format!("Budget of {policy}: {budget}.")));
        let policies = self.policies.iter().map(|(name, what)| vec![name.clone(), what.clone()]).collect();
        let who = table("The policies", &["policy", "what it is"], policies, Cells::Words);
        section("compared", "What was compared", &(list(&lines) + &who))
    }

    /// Who saw the test time.
    fn unseen(&self) -> String {
        let foresee: Vec<&str> =
            self.summaries.iter().filter(|it| it.nature.foresees).map(|it| it.policy.as_str()).collect();
        let except = if foresee.is_empty() {
            String::new()
        } else {
            format!(" (but for {}, which know it by design)", foresee.join(", "))
        };
        if self.seen.is_empty() {
            return format!(
                "Neither search nor learning saw it{except}, as far as the policies' files name their traces."
            );
        }
        let seen: Vec<String> = self.seen.iter().map(|(policy, trace)| format!("{policy} on {trace}")).collect();
        format!(
            "Search did not see it{except}, but learning saw part of it: {}. There the comparison flatters the policy.",
            seen.join(", ")
        )
    }

    fn figures(&self) -> String {
        let (head, rows) = tables::figures(self.summaries, self.allowed);
        let note = "<p>Means over all runs, with intervals in brackets; from the least objective down. † more late or \
                    lost requests than the SLO allows. Cost at equal lateness: cost over that of static HPAs that are late \
                    as often, read from their front on the same runs; without interval where more than 2.5 % of the \
                    resamples lie beyond the front's ends. Memory, all / busy: requested memory × time over that of pods while they compute. p99 slowdown: response time over a \
                    request's own service time, geometric mean over functions; single requests only.</p>";
        let first = table("Cost, lateness and objective", &head, rows, Cells::Numbers);
        let (head, rows) = tables::behind(self.summaries);
        section("figures", "Figures", &(first + &table("What lies behind", &head, rows, Cells::Numbers) + note))
    }

    fn standing(&self) -> String {
        let (head, rows) = tables::standing(self.summaries);
        if rows.is_empty() {
            return String::new();
        }
        let note = "<p>Each function weighs the same here. Score: 0 is the tuned static HPA, 1 the clairvoyant optimum; \
                    its interquartile mean leaves out the best and the worst quarter. Difference: objective over the tuned \
                    HPA's on the same function and seed. P(better): probability that a run beats one of the tuned HPA on \
                    the same function. p: Wilcoxon's signed ranks, by Holm's correction over all policies; below 6 \
                    functions it takes single runs for independent, which they are not quite. Only its own: share of the \
                    plane of cost and late requests that no other policy covers, those who know the future left out.</p>";
        section(
            "standing",
            "Against the tuned static HPA",
            &(table("Scores and paired tests", &head, rows, Cells::Numbers) + note),
        )
    }

    fn deciding(&self) -> String {
        let (head, rows) = tables::deciding(self.summaries);
        if rows.is_empty() {
            return String::new();
        }
        let table = table("Means over decisions", &head, rows, Cells::Numbers);
        section("deciding", "How policies decide", &(table + DECIDING))
    }

    fn gaps(&self) -> String {
        let Some(rival) = self.rival else { return String::new() };
        let (head, rows) = tables::gaps(self.results, rival);
        let caption = format!("Objective of {rival} function by function, means over seeds");
        let body = self.pictures_of(Place::Gaps) + &table(&caption, &head, rows, Cells::Numbers);
        section("gaps", "Function by function", &body)
    }

    fn robustness(&self) -> String {
        if self.robustness.is_empty() {
            return String::new();
        }
        let (head, rows) = tables::robustness(self.robustness);
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let note = "<p>Policies stay as they were tuned and learned; the world changes under them. Late or lost requests \
                    in percent, and behind the slash the objective over the tuned static HPA's in the same world.</p>";
        let body = self.pictures_of(Place::Robustness)
            + &table("Policies in other worlds", &head, rows, Cells::Numbers)
            + note;
        section("robustness", "In other worlds", &body)
    }

    fn gates(&self) -> String {
        if self.gates.is_empty() {
            return String::new();
        }
        section("gates", "Gates", &list(&self.gates.iter().map(super::verdict::line).collect::<Vec<_>>()))
    }

    fn origin(&self) -> String {
        let Origin { tool, command, config_hash, files } = self.origin;
        let rows = files.iter().map(|(file, hash)| vec![file.clone(), hash.clone()]).collect();
        let out = format!(
            "<pre tabindex=\"0\"><code>{}</code></pre><p>Made by {}. Hash of the settings: <code>{}</code>.</p>{}",
            escape(command),
            escape(tool),
            escape(config_hash),
            table("The files, by SHA-256", &["file", "SHA-256"], rows, Cells::Words)
        );
        section("origin", "How to make this again", &out)
    }

    fn pictured(&self, id: &str, title: &str, place: Place) -> String {
        let body = self.pictures_of(place);
        if body.is_empty() { body } else { section(id, title, &body) }
    }

    fn pictures_of(&self, place: Place) -> String {
        let own = self.pictures.iter().enumerate().filter(|(_, picture)| picture.place == place);
        own.map(|(index, picture)| html::figure(index, &picture.svg, &picture.text)).collect()
    }
}

#[cfg(test)]
mod tests;
