a = "ghp_FakeExhibitValue0NotARealKey70ABCDEF"  # exhibit:allow github.personal-token an example of the documentation
b = "ghp_FakeExhibitValue0NotARealKey70ABCDEF"  # exhibit:allow github.personal-token
c = "ghp_FakeExhibitValue0NotARealKey70ABCDEF"  # exhibit:allow aws.access-key-id another rule
