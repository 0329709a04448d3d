"""BlazePose: where the body of a person in a picture is, by two networks that were trained on real people."""
