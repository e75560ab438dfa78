//! Where the fuzzing begins: values as directories write them, and each cut off, with an octet too many, and with each of
//! its octets changed.
//!
//! They are made and not kept. The corpus in the repository is what reaches different code among them and among what the
//! fuzzer found.

/// An input for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The target.
    pub target: &'static str,
    /// What it is, fit for the name of a file.
    pub name: String,
    /// The input.
    pub input: Vec<u8>,
}

/// All seeds of all targets.
pub fn all() -> Vec<Seed> {
    let texts = TEXTS.iter().flat_map(|(target, texts)| texts.iter().map(|text| (*target, text.as_bytes())));
    let octets = OCTETS.iter().flat_map(|(target, values)| values.iter().map(|value| (*target, *value)));
    let mut seeds = Vec::new();
    for (number, (target, value)) in texts.chain(octets).enumerate() {
        let mut seed = |name: String, input: Vec<u8>| {
            seeds.push(Seed { target, name: format!("{number}-{name}"), input });
        };
        seed("whole".to_owned(), value.to_vec());
        seed("longer".to_owned(), [value, &[0]].concat());
        for at in 0..value.len() {
            seed(format!("first-{at}"), value[..at].to_vec());
            let mut changed = value.to_vec();
            changed[at] = changed[at].wrapping_add(1);
            seed(format!("changed-at-{at}"), changed);
        }
    }
    seeds
}

const TEXTS: [(&str, &[&str]); 6] = [
    (
        "logon_failure",
        &[
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1",
            "80090308: LDAPERR: DSID-0C09044E, COMMENT: ACCEPTSECURITYCONTEXT ERROR, DATA 775, V2580\0",
            "AcceptSecurityContext error, data fffffffff",
            "AcceptSecurityContext error, data \u{df}, data 533\u{e9}",
            "INVALID_CREDENTIALS: Bind failed: ERR_229 Cannot authenticate user",
        ],
    ),
    (
        "account",
        &[
            "512",
            "66050",
            "16777216",
            "-2147483648",
            "4294967296",
            "133485408000000000",
            "116444736000000000",
            "9223372036854775807",
            "9223372036854775808",
            "0",
            "-1",
            "-0",
            "+1",
            "007",
            "19723",
            "TRUE",
            "false",
        ],
    ),
    (
        "identifier",
        &[
            "bd3480c9-58af-4cd8-92df-bc4a18b6e44d",
            "BD3480C9-58AF-4CD8-92DF-BC4A18B6E44D",
            "00000000-0000-0000-0000-000000000000",
            "00112233445566778899aabbccddeeff",
        ],
    ),
    (
        "generalized_time",
        &[
            "20240229235959Z",
            "000001010000Z",
            "99991231235960.5-2359",
            "202406011400+0200",
            "2024060112,25Z",
            "202406011259.5-0100",
            "20240601120000.000000000999999999999999999999999999Z",
            "19000229000000Z",
            "16010101000000.0000001Z",
        ],
    ),
    (
        "dn",
        &[
            "UID=jsmith,DC=example,DC=net",
            "OU=Sales+CN=J.  Smith,DC=example,DC=net",
            r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
            r"CN=Before\0dAfter,DC=example,DC=net",
            "1.3.6.1.4.1.1466.0=#04024869",
            r"CN=Lu\C4\8Di\C4\87",
            "uid=\\61lice,dc=x\nUID= ALICE ; DC = X",
            "a=1+b=2\nb=2+a=1",
            "cn=\\ \\#a\\20 ,dc=x\ncommonName= #61 ",
            "ou=Zuge\u{301}ho\u{308}rige\nou=Zug\u{e9}h\u{f6}rige",
            "uid=a,dc=x#'0101'B",
            "cn=ΑΣ ΟΔΟΣ\ncn=ας οδος",
            "  #x\",+;<=>\\ \0 ",
            "a=+a=+a=+a=+a=+a=+a=+a=+a=+a=+a=+a=+a=+a=+a=+a=",
        ],
    ),
    (
        "range",
        &[
            "member",
            "member;range=0-1499",
            "member;Range=1500-*",
            "member;lang-de;range=0-4294967295;binary",
            "member;range=0-1;range=2-*",
            "member;range=00-01",
            "userCertificate;binary",
            ";range=5-4",
        ],
    ),
];

const OCTETS: [(&str, &[&[u8]]); 3] = [
    (
        "ppolicy",
        &[
            &[0x30, 0],
            &[0x30, 3, 0x81, 1, 1],
            &[0x30, 5, 0xa0, 3, 0x81, 1, 2],
            &[0x30, 9, 0xa0, 4, 0x80, 2, 2, 0x58, 0x81, 1, 2],
            &[0x30, 8, 0xa0, 6, 0x81, 4, 0x7f, 0xff, 0xff, 0xff],
            &[0x30, 0x84, 0, 0, 0, 11, 0xa0, 0x81, 3, 0x80, 1, 9, 0x81, 0x82, 0, 1, 9],
            &[0x30, 6, 0x81, 1, 1, 0x81, 1, 1],
            &[0x30, 0x80, 0x81, 1, 1, 0, 0],
            &[0x30, 0x85, 0, 0, 0, 0, 3, 0x81, 1, 1],
            &[0x30, 8, 0xa0, 6, 0x80, 1, 1, 0x81, 1, 1],
            &[0x30, 6, 0xa0, 4, 0x80, 2, 0, 0x58],
        ],
    ),
    (
        "sid",
        &[
            &[1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 80, 4, 0, 0],
            &[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0],
            &[1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
            &[1, 1, 0xff, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            &[1, 0, 0, 0, 0, 0, 0, 5],
            &[
                1, 15, 0, 0, 0, 0, 0, 15, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0,
                0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11, 0, 0, 0, 12, 0, 0, 0, 13, 0, 0, 0, 14, 0, 0, 0, 15, 0,
                0, 0,
            ],
        ],
    ),
    (
        "identifier",
        &[&[0xc9, 0x80, 0x34, 0xbd, 0xaf, 0x58, 0xd8, 0x4c, 0x92, 0xdf, 0xbc, 0x4a, 0x18, 0xb6, 0xe4, 0x4d], &[0; 16]],
    ),
];
