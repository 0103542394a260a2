//! Any order of fills, validations and purges.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a list of what was filled, the newest first.
    #[test]
    fn every_request_is_answered_by_the_newest_response_that_is_kept(
        steps in prop::collection::vec((0_u8..12, 1_usize..5), 1..40),
    ) {
        let mut bench = bench();
        let mut model: Vec<(Varied, String)> = Vec::new();
        for (at, (n, cap)) in steps.into_iter().enumerate() {
            let vary = match n {
                0 => varied("", 0),
                1 => {
                    let purge = plan_purge(&bench.place, bench.terms(8).generation);
                    prop_assert!(bench.write(&purge.into()).is_done());
                    model.clear();
                    continue;
                }
                2..6 => varied("accept", n),
                _ => varied("cookie", n),
            };
            let etag = at.to_string();
            bench.fill(vary.clone(), &etag, cap);
            let is_for_all = vary.names.is_empty();
            model.retain(|(known, _)| !is_for_all && !known.names.is_empty() && *known != vary);
            model.insert(0, (vary, etag));
            model.truncate(cap);
            for n in 2..12 {
                let wanted = varied(if n < 6 { "accept" } else { "cookie" }, n);
                let expected = model.iter().find(|(known, _)| known.names.is_empty() || *known == wanted);
                prop_assert_eq!(bench.body(&wanted), expected.map(|(_, etag)| etag.clone()));
            }
        }
    }
}
