use super::Dn;

fn same(a: &str, b: &str) -> bool {
    Dn::parse(a).unwrap().levels_below(&Dn::parse(b).unwrap()) == Some(0)
}

#[test]
fn the_examples_of_rfc_4514_are_read() {
    for (text, levels) in [
        ("UID=jsmith,DC=example,DC=net", 3),
        ("OU=Sales+CN=J.  Smith,DC=example,DC=net", 3),
        (r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#, 3),
        (r"CN=Before\0dAfter,DC=example,DC=net", 3),
        ("1.3.6.1.4.1.1466.0=#04024869", 1),
        (r"CN=Lu\C4\8Di\C4\87", 1),
        ("", 0),
    ] {
        assert_eq!(Dn::parse(text).unwrap().rdns.len(), levels, "{text}");
    }
    assert!(same(r"CN=Lu\C4\8Di\C4\87", "cn=Lučić"));
}

#[test]
fn dns_compare_by_their_parts_and_not_by_their_text() {
    for (a, b) in [
        (r"uid=\61lice,dc=x", "uid=alice,dc=x"),
        ("uid= alice , dc=x", "uid=alice,dc=x"),
        ("UID=ALICE,DC=X", "uid=alice,dc=x"),
        ("cn=J.   Smith", "cn=j. smith"),
        ("a=1+b=2,dc=x", "b=2+a=1,dc=x"),
        (r"cn=a\,b", r"cn=a\2Cb"),
        (r"cn=\#x", r"cn=\23x"),
        (r"cn=\ foo\ ", r"cn=\20foo\20"),
        (r"cn=a\\b", r"cn=a\5cb"),
        (r#"cn=a\"b"#, r"cn=a\22b"),
        (r"cn=test\,hel\+lo", r"cn=test\2chel\2blo"),
        ("cn=a=b", r"cn=a\=b"),
        ("CN=ÄÖÜ", "cn=äöü"),
        ("ou=Zuge\u{301}ho\u{308}rige", "ou=Zug\u{e9}h\u{f6}rige"),
        ("cn=#616c", "cn=#616C"),
        ("organizationalUnitName=people,domainComponent=x", "OU=people,DC=x"),
        ("0.9.2342.19200300.100.1.1=alice,2.5.4.11=people", "uid=alice,ou=people"),
    ] {
        assert!(same(a, b), "{a} / {b}");
    }
    for (a, b) in [
        ("cn=a#b", "cn=ab"),
        ("cn=a", "uid=a"),
        (r"cn=a\,b", "cn=a,b=c"),
        ("cn=#616c", "cn=al"),
        ("cn=#616c", r"cn=\#al"),
        ("cn=#ff", "cn=#fe"),
        ("cn=a b", "cn=ab"),
    ] {
        assert!(!same(a, b), "{a} / {b}");
    }
}

#[test]
fn a_level_has_so_many_parts_and_no_more() {
    let of = |parts: usize| format!("{},dc=x", vec!["a=b"; parts].join("+"));
    assert!(Dn::parse(&of(16)).is_ok() && Dn::parse(&of(17)).is_err());
}

#[test]
fn the_domain_is_what_a_dn_ends_with() {
    for (text, name, domain) in [
        ("CN=Users,DC=Lab,DC=test", Some("lab.test"), Some("dc=lab,dc=test")),
        ("DC=lab,DC=test", Some("lab.test"), Some("dc=lab,dc=test")),
        ("dc=x,ou=a,domainComponent=y", Some("y"), Some("dc=y")),
        ("ou=people,o=company", None, None),
        ("dc=a+cn=b", None, None),
        ("", None, None),
    ] {
        let dn = Dn::parse(text).unwrap();
        assert_eq!(dn.dns_name().as_deref(), name, "{text}");
        assert_eq!(dn.domain().as_ref().map(Dn::as_str), domain, "{text}");
    }
}

#[test]
fn what_is_below_a_base_is_told_by_whole_levels() {
    let base = Dn::parse("ou=people,dc=x").unwrap();
    let levels = |text| Dn::parse(text).unwrap().levels_below(&base);
    assert_eq!(levels("OU=People, DC=X"), Some(0));
    assert_eq!(levels("uid=a,ou=people,dc=x"), Some(1));
    assert_eq!(levels("uid=a,ou=sub,ou=people,dc=x"), Some(2));
    for outside in [
        "uid=a,ou=morepeople,dc=x",
        "uid=a,ou=people,dc=y",
        "dc=x",
        "",
        r"uid=a\,ou=people,dc=x",
        "uid=a,ou=people,dc=x,dc=y",
    ] {
        assert_eq!(levels(outside), None, "{outside}");
    }
}

#[test]
fn what_is_no_dn_is_refused_with_the_place() {
    for (text, position) in [
        ("people", 7),
        ("ou=people,", 11),
        ("ou=people,,dc=x", 11),
        ("=x", 1),
        (r"cn=a\", 6),
        (r"cn=a\g", 7),
        (r"cn=a\4", 7),
        ("cn=a\"b", 5),
        ("cn=a<b", 5),
        ("cn=a\0b", 5),
        ("cn=é\"", 5),
        ("cn=#4", 6),
        ("cn=#", 5),
        ("admin@example.com", 6),
    ] {
        let error = Dn::parse(text).unwrap_err();
        assert_eq!(error.position, position, "{text:?}: {error}");
    }
}

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn the_same_dn_has_the_same_key_and_no_other_has() {
    for (a, b) in [
        ("uid=alice,dc=x", r"UID= \61LICE , DC=X"),
        ("cn=a  b,dc=x", "CN=A B;DC=x"),
        ("a=1+b=2,dc=x", "b=2+a=1,dc=x"),
        ("cn=#616c", "commonName=#616C"),
        (r"cn=\20a\20", "cn=a"),
        ("cn=ÄÖÜ", "cn=äöü"),
        ("", " "),
    ] {
        assert!(dn(a).is_same(&dn(b)) && dn(b).is_same(&dn(a)), "{a} / {b}");
        assert_eq!(dn(a).key(), dn(b).key());
    }
    for (a, b) in [
        ("cn=jose,dc=x", "cn=josé,dc=x"),
        ("cn=lodz", "cn=łódź"),
        ("cn=a_b", "cn=a b"),
        ("cn=strasse", "cn=straße"),
        ("cn=a\u{200b}", "cn=a"),
        ("cn=a", "cn=a,dc=x"),
        ("cn=a,dc=x", "dc=x"),
        ("cn=a", "uid=a"),
        ("a=1+b=2", "a=1,b=2"),
        ("a=1+a=1", "a=1"),
        ("a=1+b=2", "a=2+b=1"),
        (r"cn=x\,ou=admins", "cn=x,ou=admins"),
        ("cn=#616c", "cn=al"),
        ("cn=a", ""),
    ] {
        assert!(!dn(a).is_same(&dn(b)), "{a} / {b}");
        assert_ne!(dn(a).key(), dn(b).key());
    }
}

#[test]
fn the_first_value_is_what_was_written() {
    for (text, expected) in [
        ("CN=Domain Admins,OU=Groups,DC=x", Some("Domain Admins")),
        (r"cn=R\26D\, \C4\8D  Team ,dc=x", Some("R&D, č  Team")),
        (r"cn=\ x\20,dc=x", Some(" x ")),
        (r"cn=a \, b  ,dc=x", Some("a , b")),
        (r"cn=a\,  ,dc=x", Some("a,")),
        ("ou=Sales+CN=J. Smith,dc=x", Some("Sales")),
        (r"cn=\#1", Some("#1")),
        (r"cn=a\0db", Some("a\rb")),
        ("cn=#0403616263,cn=x", None),
        ("cn=#0403616263+uid=x,dc=x", None),
        ("cn=,dc=x", None),
        ("", None),
    ] {
        assert_eq!(dn(text).first_value().as_deref(), expected, "{text}");
    }
    assert_eq!(Dn::root().first_value(), None);
}

#[test]
fn a_bit_string_behind_a_member_is_no_part_of_its_dn() {
    for (text, expected) in [
        ("uid=a,dc=x#'0101'B", "uid=a,dc=x"),
        ("uid=a,dc=x#''B", "uid=a,dc=x"),
        ("uid=a,dc=x", "uid=a,dc=x"),
        (r"cn=a\\#'1'B", r"cn=a\\"),
        (r"cn=a\#'1'B", r"cn=a\#'1'B"),
        ("cn=a#'1'b", "cn=a#'1'b"),
        ("cn=a#'2'B", "cn=a#'2'B"),
        ("cn=a#'1'B#'1'B", "cn=a#'1'B"),
        ("cn=a#1", "cn=a#1"),
        ("cn='1'B", "cn='1'B"),
    ] {
        assert_eq!(Dn::parse_member(text).unwrap().as_str(), expected, "{text}");
    }
    for text in ["x#'1'B", "uid=a,#'1'B", "uid=#'1'B'B"] {
        assert!(Dn::parse_member(text).is_err(), "{text}");
    }
    assert!(Dn::parse_member("#'1'B").unwrap().is_empty());
}

#[test]
fn an_escaped_value_is_one_value_and_comes_back() {
    for (value, escaped) in [
        (" foo", r"\20foo"),
        ("foo ", r"foo\20"),
        (" ", r"\20"),
        ("   ", r"\20 \20"),
        ("#x", r"\23x"),
        ("a#b", "a#b"),
        ("a,b", r"a\2cb"),
        ("a+b", r"a\2bb"),
        ("a\"b", r"a\22b"),
        (r"a\b", r"a\5cb"),
        ("a;b", r"a\3bb"),
        ("<a>", r"\3ca\3e"),
        ("a=b", "a=b"),
        ("\0", r"\00"),
        ("a\r\nb", r"a\0d\0ab"),
        ("x,ou=admins", r"x\2cou=admins"),
        ("#test", r"\23test"),
        ("test,hel+lo", r"test\2chel\2blo"),
        ("  test  ", r"\20 test \20"),
        ("Lučić", "Lučić"),
        (r#"James "Jim" Smith, III"#, r"James \22Jim\22 Smith\2c III"),
    ] {
        assert_eq!(Dn::escape_value(value), escaped);
        let read = dn(&format!("cn={escaped},dc=x"));
        assert_eq!(read.rdns.len(), 2, "{escaped}");
        assert_eq!(read.first_value().as_deref(), Some(value));
    }
    assert_eq!(Dn::escape_value(""), "");
}

#[test]
fn other_spellings_of_an_escaped_value_are_the_same() {
    for (value, spelled) in [
        ("#test", r"\#test"),
        ("test,hel+lo", r"test\,hel\+lo"),
        ("  test  ", r"\  test \ "),
        ("a\"b", r#"a\"b"#),
        ("a=b", r"a\=b"),
    ] {
        let ours = dn(&format!("cn={},dc=x", Dn::escape_value(value)));
        let theirs = dn(&format!("cn={spelled},dc=x"));
        assert!(ours.is_same(&theirs), "{spelled}");
        assert_eq!(theirs.first_value().as_deref(), Some(value), "{spelled}");
    }
}

#[test]
fn values_fold_by_words_and_letters_of_all_scripts() {
    // A sigma at the end of a word has a form of its own, wherever the word stands and however many spaces follow.
    for (value, folded) in [("ΟΔΟΣ  ΑΣ", "οδος ας"), ("  A  B ", "a b"), ("İ", "i\u{307}"), (" ", "")] {
        assert_eq!(super::fold(value).as_slice(), folded.as_bytes(), "{value:?}");
    }
}
