use proptest::prelude::*;

use super::*;

fn text(text: Text) -> String {
    String::from_utf8(text.into_vec()).expect("it was text")
}

#[test]
fn lists_of_the_same_meaning_have_one_form() {
    for (value, expected) in [
        ("", ""),
        ("gzip", "gzip"),
        ("en, de", "de,en"),
        (" DE ,, eN\t", "de,en"),
        ("de;q=1, en;q=1.000", "de,en"),
        ("fr;q=0.5, de", "de,fr;q=0.500"),
        ("fr;Q=0.50 , de ; q=1.", "de,fr;q=0.500"),
        ("gzip;q=0, br", "br,gzip;q=0.000"),
        ("gzip, X-Gzip, gzip", "gzip"),
        ("*;q=0.001, identity", "identity,*;q=0.001"),
    ] {
        let form = canonical(value.as_bytes()).map(text);
        assert_eq!(form.as_deref(), Some(expected), "{value}");
        // The form of a form is the form: what is not understood is never like one.
        let again = canonical(expected.as_bytes()).map(text);
        assert_eq!(again.as_deref(), Some(expected));
    }
}

#[test]
fn what_is_no_list_of_weights_has_no_form() {
    for value in [
        "de;q=2",
        "de;q=1.001",
        "de;q=0.1234",
        "de;q=-1",
        "de;q=",
        "de;q",
        "de;x=1",
        "de;q=1;q=1",
        ";q=1",
        "d e",
        "\"de\"",
        "de;q=0.a",
        "d\u{e9}",
        "de;q=01",
    ] {
        assert_eq!(canonical(value.as_bytes()), None, "{value}");
        assert_eq!(codings(value.as_bytes(), &["gzip"]), None, "{value}");
        assert!(favourites(value.as_bytes()).is_empty(), "{value}");
    }
}

#[test]
fn of_codings_only_those_that_the_service_has_matter() {
    for (value, expected) in [
        ("", ""),
        ("gzip, deflate, br, zstd", "br,gzip"),
        ("br;q=0.1, gzip;q=0.9, dcb", "br,gzip"),
        ("X-GZIP", "gzip"),
        ("deflate", ""),
        ("gzip;q=0", ""),
        ("gzip;q=0, br", "br"),
        ("identity", ""),
        ("gzip, identity;q=0.5", "gzip"),
        ("gzip, identity;q=0", "gzip,identity;q=0.000"),
        ("*", "*"),
        ("*, gzip;q=0", "*,gzip;q=0.000"),
        ("*, zstd;q=0", "*"),
        ("gzip, *;q=0", "*;q=0.000,gzip"),
        ("identity, *;q=0", "*;q=0.000,identity"),
    ] {
        let form = codings(value.as_bytes(), &["br", "gzip"]).map(text);
        assert_eq!(form.as_deref(), Some(expected), "{value}");
    }
    assert!(is_known(b"identity", &[]) && is_known(b"x-gzip", &["gzip"]));
    assert!(!is_known(b"zstd", &["gzip"]));
}

#[test]
fn the_favourites_are_all_languages_of_the_greatest_weight() {
    for (value, expected) in [
        ("en, de", ["de", "en"].as_slice()),
        ("fr;q=0.5, De;q=1.0", &["de"]),
        ("fr;q=0.5", &["fr"]),
        ("*, en", &["en"]),
        ("*, en;q=0.5", &[]),
        ("en;q=0", &[]),
        ("*", &[]),
        ("", &[]),
    ] {
        let favourites: Vec<_> = favourites(value.as_bytes()).into_iter().map(text).collect();
        assert_eq!(favourites, expected, "{value}");
    }
    let nine = "a,b,c,d,e,f,g,h,i";
    assert!(favourites(nine.as_bytes()).is_empty());
    assert_eq!(favourites(nine.trim_end_matches(",i").as_bytes()).len(), 8);
}

proptest! {
    #[test]
    fn any_value_has_one_form_whatever_its_order(members in prop::collection::vec("[a-cA-C*;q=01. ]{0,8}", 0..5)) {
        let forward = members.join(",");
        let backward: Vec<_> = members.into_iter().rev().collect();
        let form = canonical(forward.as_bytes());
        prop_assert_eq!(&form, &canonical(backward.join(" , ").as_bytes()));
        if let Some(form) = form {
            prop_assert_eq!(canonical(&form), Some(form));
        }
    }

    #[test]
    fn no_bytes_panic(value: Vec<u8>) {
        let _ = canonical(&value);
        let _ = codings(&value, &["gzip"]);
        let _ = favourites(&value);
    }
}
