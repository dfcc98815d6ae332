name = "example-rowhouse"
